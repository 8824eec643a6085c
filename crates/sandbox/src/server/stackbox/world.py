"""An inventory of what exists in moto's backends."""


def inventory():
    return {}
