"""What the simulator promises, checked on it and on a real kube-apiserver alike."""
