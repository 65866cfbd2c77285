"""What the libraries of Helm, Flux, Argo CD and Kubernetes say, compared with ours."""
