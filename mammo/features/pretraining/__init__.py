"""The verb `pretrain`: the shipped weights of the mini trunks."""
