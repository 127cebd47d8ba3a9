"""What keeps the service from starting."""


class StartError(Exception):
    """The service cannot start; the message is one line for the operator."""
