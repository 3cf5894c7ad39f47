// The C API (host/include/enclavisor/enclavisor.h) in terms of the C++ one.
#include <algorithm>
#include <cstring>

#include "host/include/enclavisor/enclavisor.h"
#include "host/lib/function.hpp"

using namespace enclavisor;

struct enclavisor_machine {
    std::unique_ptr<host::Machine> machine;
};
struct enclavisor_template {
    host::FunctionTemplate function;
};
struct enclavisor_instance {
    host::Instance instance;
};

namespace {

thread_local std::string last_error;

enclavisor_status failed(const host::Error& error, enclavisor_status status = ENCLAVISOR_FAILED) {
    last_error = error.text();
    return error.exit_code == host::kExitTimeout ? ENCLAVISOR_TIMEOUT : status;
}

enclavisor_status status_of(const host::Result<void>& result) {
    return result ? ENCLAVISOR_OK : failed(result.error());
}

// What the failure of a call means: it is refused, or the enclave is gone.
enclavisor_status call_failed(host::Instance& instance, const host::Error& error) {
    const auto status = instance.status();
    const bool ended = !status || status->state == static_cast<std::uint32_t>(abi::EnclaveState::kStopped);
    return failed(error, ended ? ENCLAVISOR_ENDED : ENCLAVISOR_REFUSED);
}

// The user's function, for all numbers.
host::HostFunctions functions_of(enclavisor_call_out call, void* context) {
    host::HostFunctions functions;
    if (call == nullptr) return functions;
    functions.otherwise([call, context](std::uint32_t number, std::span<const std::byte> arguments,
                                        std::size_t room) -> host::HostAnswer {
        host::HostAnswer answer{abi::CallStatus::kOk, std::vector<std::byte>(room)};
        std::size_t size = room;
        if (call(context, number, arguments.data(), arguments.size(), answer.bytes.data(), &size) != 0) {
            return {abi::CallStatus::kFailed, {}};
        }
        if (size > room) return {abi::CallStatus::kNoRoom, {}};
        answer.bytes.resize(size);
        return answer;
    });
    return functions;
}

std::span<const std::byte> bytes_of(const void* data, std::size_t size) {
    return {static_cast<const std::byte*>(data), size};
}

enclavisor_status give(const std::vector<std::byte>& bytes, void* result, std::size_t* size) {
    if (bytes.size() > *size) {
        return failed(host::Error{"the result is larger than the room for it", "", 0}, ENCLAVISOR_REFUSED);
    }
    if (!bytes.empty()) std::memcpy(result, bytes.data(), bytes.size());
    *size = bytes.size();
    return ENCLAVISOR_OK;
}

}  // namespace

const char* enclavisor_error(void) {
    return last_error.c_str();
}

enclavisor_status enclavisor_launch(const enclavisor_machine_options* options, enclavisor_machine** machine) {
    host::MachineOptions wanted;
    if (options != nullptr) {
        if (options->platform != nullptr) {
            const auto platform = host::parse_platform(options->platform);
            if (!platform) return failed(platform.error());
            wanted.platform = platform.value();
        }
        if (options->memory_mib != 0) wanted.memory_mib = options->memory_mib;
        if (options->cpus != 0) wanted.cpus = options->cpus;
        if (options->accelerator != nullptr) wanted.accelerator = options->accelerator;
    }
    auto launched = host::Machine::launch(wanted);
    if (!launched) return failed(launched.error());
    *machine = new enclavisor_machine{launched.take()};
    return ENCLAVISOR_OK;
}

void enclavisor_machine_close(enclavisor_machine* machine) {
    delete machine;
}

enclavisor_status enclavisor_machine_stats(enclavisor_machine* machine, enclavisor_stats* stats) {
    const auto answer = machine->machine->stats();
    if (!answer) return failed(answer.error());
    *stats = {answer.value().free_frames, answer.value().total_frames, answer.value().live_enclaves};
    return ENCLAVISOR_OK;
}

enclavisor_status enclavisor_template_load(enclavisor_machine* machine, const char* path,
                                           const enclavisor_template_options* options,
                                           enclavisor_template** result) {
    host::FunctionOptions wanted;
    if (options != nullptr) {
        if (options->instances != 0) wanted.instances = options->instances;
        if (options->slot_pages != 0) wanted.slot_pages = options->slot_pages;
        if (options->memory_limit != 0) wanted.memory_limit = options->memory_limit;
        wanted.calls.enclave_spin = options->enclave_spin;
        if (options->host_spin_us != 0)
            wanted.calls.host_spin = std::chrono::microseconds{options->host_spin_us};
        if (options->patience_ms != 0)
            wanted.calls.patience = std::chrono::milliseconds{options->patience_ms};
        if (options->workers != 0)
            wanted.calls.workers = std::make_shared<host::WorkerPool>(options->workers);
        wanted.calls.functions = functions_of(options->call_out, options->call_out_context);
    }
    auto loaded = host::FunctionTemplate::load(*machine->machine, path, wanted);
    if (!loaded) return failed(loaded.error());
    *result = new enclavisor_template{loaded.take()};
    return ENCLAVISOR_OK;
}

void enclavisor_template_close(enclavisor_template* function) {
    delete function;
}

void enclavisor_template_measurement(const enclavisor_template* function, std::uint8_t measurement[48]) {
    const auto& bytes = function->function.measurement();
    static_assert(sizeof(bytes) == 48);
    std::memcpy(measurement, bytes.data(), 48);
}

enclavisor_status enclavisor_template_entry(const enclavisor_template* function, const char* name,
                                            std::uint32_t* entry) {
    const auto found = function->function.entry(name);
    if (!found) return failed(found.error());
    *entry = found.value().number;
    return ENCLAVISOR_OK;
}

enclavisor_status enclavisor_fork(enclavisor_template* function, std::size_t count,
                                  enclavisor_instance** instances) {
    auto forked = function->function.fork(count);
    if (!forked) return failed(forked.error());
    std::transform(forked.value().begin(), forked.value().end(), instances,
                   [](host::Instance& instance) { return new enclavisor_instance{std::move(instance)}; });
    return ENCLAVISOR_OK;
}

enclavisor_status enclavisor_destroy(enclavisor_instance** instances, std::size_t count) {
    std::vector<host::Instance> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; i++) {
        if (instances[i] == nullptr) continue;
        all.push_back(std::move(instances[i]->instance));
        delete std::exchange(instances[i], nullptr);
    }
    return status_of(host::Instance::destroy_all(all));
}

std::uint64_t enclavisor_instance_handle(const enclavisor_instance* instance) {
    return instance->instance.handle();
}

enclavisor_status enclavisor_pause(enclavisor_instance* instance) {
    return status_of(instance->instance.pause());
}

enclavisor_status enclavisor_resume(enclavisor_instance* instance) {
    return status_of(instance->instance.resume());
}

enclavisor_status enclavisor_call(enclavisor_instance* instance, std::uint32_t entry, const void* arguments,
                                  std::size_t argument_size, void* result, std::size_t* size) {
    std::uint32_t call = 0;
    const auto begun = enclavisor_call_begin(instance, entry, arguments, argument_size, *size, &call);
    return begun == ENCLAVISOR_OK ? enclavisor_call_end(instance, call, result, size) : begun;
}

enclavisor_status enclavisor_call_begin(enclavisor_instance* instance, std::uint32_t entry,
                                        const void* arguments, std::size_t argument_size, std::size_t room,
                                        std::uint32_t* call) {
    const auto id = instance->instance.begin_raw({entry}, bytes_of(arguments, argument_size), room);
    if (!id) return call_failed(instance->instance, id.error());
    *call = id.value().ticket;
    return ENCLAVISOR_OK;
}

enclavisor_status enclavisor_call_end(enclavisor_instance* instance, std::uint32_t call, void* result,
                                      std::size_t* size) {
    if (call >= abi::kCallDepth) return failed(host::Error{"there is no such call", "", 0});
    const auto bytes = instance->instance.end_bytes({call});
    if (!bytes) return call_failed(instance->instance, bytes.error());
    return give(bytes.value(), result, size);
}

namespace {

void append(enclavisor_arguments& arguments, const void* bytes, std::size_t size) {
    const std::size_t begin = arguments.size;
    arguments.size += base::padded(size);
    if (arguments.size > arguments.room) return;
    auto* to = static_cast<std::byte*>(arguments.data) + begin;
    std::memset(to, 0, arguments.size - begin);
    if (size != 0) std::memcpy(to, bytes, size);
}

}  // namespace

void enclavisor_add_value(enclavisor_arguments* arguments, const void* value, std::size_t size) {
    append(*arguments, value, size);
}

void enclavisor_add_bytes(enclavisor_arguments* arguments, const void* bytes, std::size_t size) {
    const std::uint64_t count = size;
    append(*arguments, &count, sizeof(count));
    append(*arguments, bytes, size);
}
