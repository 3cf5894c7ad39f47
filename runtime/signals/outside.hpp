// Signals from outside the enclave, by way of the host (abi/host/io_area.hpp). It can send
// any of abi::kHostSignals at any time, as often as it likes, or none. Requests for processes
// (processes/requested.hpp) come the same way.
#pragma once

namespace enclavisor::runtime {

// Whether there are some, whatever they are. Needs no lock.
bool signals_wait_outside();

// Sends them to the process, and does what is requested. The lock is held, and not released. False:
// there was nothing. Afterwards the calling thread may have a signal, or have been woken or notified.
bool take_signals_from_outside();

}  // namespace enclavisor::runtime
