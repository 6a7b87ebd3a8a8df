"""One run: params, the embedded stack, the graph of tasks, kernels."""
