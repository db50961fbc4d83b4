"""Whether connectors send what the channels' own contracts ask for, judged by others' tools.

    recorder ─▶ calls of a run ─▶ prism (OpenAPI, Swagger) or graphql-core ─▶ verdicts ─▶ a table

Prism stands as a proxy between the recorded requests and the recorded answers of the twin, so one
pass judges both. The contracts are the vendors' files and no part of this project.
"""
