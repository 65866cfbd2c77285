"""The sample fleet of ``flotilla demo``: a registry, applications of every shape, and the processes to practise on."""
