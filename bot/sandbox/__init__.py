"""Local stand-ins that speak the vendors' wire: the demo and the tests run the real bot against them."""
