"""The sample fleet of ``flotilla demo``: a registry, five applications, and the processes to practise on."""
