"""The warm fork server and the confined trees of processes that come out of it: both their sides."""
