"""The far side, faked: servers on loopback that behave as told and write down what they get."""
