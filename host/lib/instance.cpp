#include <algorithm>
#include <cstring>

#include "host/lib/function.hpp"
#include "host/lib/function_program.hpp"

namespace enclavisor::host {
namespace {

base::Failure<Error> destroyed() {
    return fail("the instance was destroyed");
}

}  // namespace

Instance::Instance(Instance&& other) noexcept
    : program_{std::move(other.program_)},
      client_{std::move(other.client_)},
      slot_{other.slot_},
      handle_{std::exchange(other.handle_, 0)} {}

Instance::~Instance() {
    if (handle_ != 0) (void)destroy();
}

Result<Instance> Instance::start(Machine& machine, const std::filesystem::path& file,
                                 const FunctionOptions& options) {
    auto program = TRY(detail::build_function(machine, file, options, 0));
    auto client =
        std::make_shared<CallClient>(machine, program->slot(0), program->policy, abi::EnclaveWaits::kAwake);
    const std::uint64_t handle = program->enclave->handle();
    client->attach(handle);
    TRY(program->enclave->start());
    return Instance{std::move(program), std::move(client), 0, handle};
}

Result<EntryPoint> Instance::entry(std::string_view name) const {
    return detail::find_entry(*program_, name);
}

std::optional<abi::EnclaveStatus> Instance::status() const {
    return handle_ == 0 ? std::nullopt : program_->machine.status(handle_);
}

Result<CallClient::Ticket> Instance::reserve(std::size_t capacity) {
    if (handle_ == 0) return destroyed();
    return client_->reserve(capacity);
}

Result<std::vector<std::byte>> Instance::end_bytes(CallId id) {
    if (handle_ == 0) return destroyed();
    auto answer = TRY(client_->collect(id.ticket));
    switch (answer.status) {
        case abi::CallStatus::kOk:
            return std::move(answer.bytes);
        case abi::CallStatus::kUnknownFunction:
            return fail("the function has no such entry point");
        case abi::CallStatus::kBadArguments:
            return fail("the entry point takes other arguments");
        case abi::CallStatus::kNoRoom:
            return fail("the result is larger than the room for it", "ask for more room");
        case abi::CallStatus::kFailed:
            break;
    }
    return fail("the function refuses the call");
}

Result<CallId> Instance::begin_raw(EntryPoint entry, std::span<const std::byte> arguments, std::size_t room) {
    const auto ticket = TRY(reserve(std::max(arguments.size(), room)));
    if (!arguments.empty()) std::memcpy(client_->buffer(ticket).data(), arguments.data(), arguments.size());
    client_->submit(ticket, entry.number, static_cast<std::uint32_t>(arguments.size()));
    return CallId{ticket};
}

Result<std::vector<std::byte>> Instance::call_raw(EntryPoint entry, std::span<const std::byte> arguments,
                                                  std::size_t room) {
    return end_bytes(TRY(begin_raw(entry, arguments, room)));
}

Result<void> Instance::pause() {
    TRY(program_->machine.control().call(abi::Command::kPause, {handle_}));
    return {};
}
Result<void> Instance::resume() {
    TRY(program_->machine.control().call(abi::Command::kResume, {handle_}));
    return {};
}

void Instance::gone(bool unmapped) {
    handle_ = 0;
    // A slot that the instance may still write to is not given to another.
    if (unmapped && slot_ != 0) program_->give_back(slot_);
}

Result<void> Instance::destroy() {
    if (handle_ == 0) return {};
    client_->close();
    if (slot_ == 0) {
        handle_ = 0;
        return program_->enclave->destroy();
    }
    std::vector<Instance> one;
    one.push_back(std::move(*this));
    return destroy_all(one);
}

Result<void> Instance::destroy_all(std::vector<Instance>& instances) {
    std::vector<abi::ControlCommand> commands;
    std::vector<Instance*> subjects;
    std::optional<Error> error;
    Machine* machine = nullptr;
    for (Instance& instance : instances) {
        if (instance.handle_ == 0) continue;
        if (instance.slot_ == 0) {
            if (auto alone = instance.destroy(); !alone) error = alone.error();
            continue;
        }
        instance.client_->close();
        machine = &instance.program_->machine;
        subjects.push_back(&instance);
        commands.push_back(control_command(abi::Command::kStop, {instance.handle_}));
        commands.push_back(control_command(abi::Command::kDestroy, {instance.handle_}));
    }
    if (machine != nullptr && machine->running()) {
        const auto completions = machine->control().submit_all(commands);
        if (!completions) error = completions.error();
        for (std::size_t i = 0; i < subjects.size(); i++) {
            // Stopping fails when it has ended by itself.
            const bool destroyed = completions.ok() && completions.value()[2 * i + 1].status == 0;
            if (completions && !destroyed) {
                error = control_values(commands[2 * i + 1].command, completions.value()[2 * i + 1]).error();
            }
            subjects[i]->gone(destroyed);
        }
    }
    for (Instance* instance : subjects) instance->handle_ = 0;
    instances.clear();
    if (error) return base::Failure{*error};
    return {};
}

}  // namespace enclavisor::host
