// Everything that a function enclave needs.
#pragma once

#include "sdk/include/enclavisor/buffer.hpp"
#include "sdk/include/enclavisor/call_out.hpp"
#include "sdk/include/enclavisor/channel.hpp"
#include "sdk/include/enclavisor/entry.hpp"
#include "sdk/include/enclavisor/function.hpp"
#include "sdk/include/enclavisor/kernel_call.hpp"
#include "sdk/include/enclavisor/memory.hpp"
#include "sdk/include/enclavisor/memory_object.hpp"
#include "sdk/include/enclavisor/random.hpp"
#include "sdk/include/enclavisor/task.hpp"
