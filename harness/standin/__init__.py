"""A faithful stand-in for tensorflow_model_server, for machines that have none: ``python -m harness.standin``.

It takes the same command line and speaks the same gRPC and REST APIs, down to the texts of errors; the models are
run by the installed TensorFlow. How the parts lie on one another, from the bottom:

    status, log, dtypes, flags        values and tables
    tf_runtime, session, saved_model  TensorFlow's C API, without its Python package
    wire, arrays                      protobuf's wire form, and memory, as far as large tensors need them
    tensor_decode, tensor_encode      TensorProto and arrays, as lenient as the genuine server
    versions                          the life cycle of versions: a state machine without threads or files
    source, manager, model_config     what should be served; carrying it out; which model lists are taken
    servable, batching, warmup        one loaded version, and what is between it and the requests
    core                              the models of one server: every look-up goes through here
    predict, classify, regress, ...   one module for each kind of request, shared by both APIs
    json                              JSON as the genuine server reads and writes it
    rest                              the REST API, from a request to a reply
    grpc_edge, http                   the two servers
    server, main                      the process
"""

from __future__ import annotations

__all__: list[str] = []
