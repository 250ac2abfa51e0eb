"""Message passing over the GO graph: a GO encoder of multiprot."""
