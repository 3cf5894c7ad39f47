// A client's end of the conversation with a daemon.
#pragma once

#include <vector>

#include "host/daemon/place.hpp"
#include "host/daemon/wire.hpp"

namespace enclavisor::host {

// A connection; an error that says how to start a daemon if there is none.
Result<Fd> connect_to(const VmPlace& place);

// The next answer on `socket`; its error, if it is one.
Result<Json> next_answer(int socket);

// One request and its answer. `vm`: the name of the VM.
Result<Json> ask(const std::string& vm, const Json& request);

}  // namespace enclavisor::host
