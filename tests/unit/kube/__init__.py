"""The Kubernetes adapter: kubeconfigs, answers, paths."""
