"""Files of the phantom, in the layouts of CBIS-DDSM."""
