"""MTDP's recipe at one shape of the student: our times beside those of the loop as released."""
