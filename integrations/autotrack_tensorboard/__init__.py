"""Records what scripts write through TensorBoard writers, those of torch.utils.tensorboard and of tensorboardX.

Call `autotrack.autolog()` once and change nothing else: scalars, text, images, figures, histograms, precision-recall
curves and hyperparameters that a `SummaryWriter` writes are in the journal of the run as well.
"""
