"""The HTTP front: guard, wire, problems, routes. It asks the engine through `service.client`."""
