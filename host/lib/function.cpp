#include "host/lib/function.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/lib/elf.hpp"
#include "host/lib/file.hpp"
#include "host/lib/loader.hpp"

namespace enclavisor::host {
namespace detail {

// What a template and its instances share.
struct FunctionProgram {
    Machine& machine;
    std::string name;
    std::vector<std::byte> file;
    std::uint32_t slot_pages;
    std::shared_ptr<const CallPolicy> policy;
    std::optional<Enclave> enclave;  // the template, or the function that runs alone
    std::mutex mutex;
    std::vector<std::uint32_t> free_slots;

    std::span<std::byte> slot(std::uint32_t index) const {
        const std::size_t size = slot_pages * abi::kPageSize;
        return enclave->io().bytes().subspan(index * size, size);
    }
    std::uint64_t slot_offset(std::uint32_t index) const {
        return enclave->io().offset() + std::uint64_t{index} * slot_pages * abi::kPageSize;
    }
    Result<std::uint32_t> take_slot() {
        std::lock_guard guard{mutex};
        if (free_slots.empty()) {
            return fail(fmt::format("{}: all slots for instances are in use", name),
                        "load it for more instances, or destroy some");
        }
        const std::uint32_t index = free_slots.back();
        free_slots.pop_back();
        return index;
    }
    void give_back(std::uint32_t index) {
        std::lock_guard guard{mutex};
        free_slots.push_back(index);
    }
};

}  // namespace detail

namespace {

using detail::FunctionProgram;

Result<std::shared_ptr<FunctionProgram>> build(Machine& machine, const std::filesystem::path& file,
                                               const FunctionOptions& options, std::uint32_t instances) {
    auto bytes = TRY(read_file(file));
    const std::string name = file.filename().string();
    const std::uint64_t pages = (std::uint64_t{instances} + 1) * options.slot_pages;
    if (options.slot_pages == 0 || options.slot_pages > abi::kMaxSlotPages) {
        return fail(fmt::format("a slot has 1 to {} pages", abi::kMaxSlotPages));
    }
    constexpr std::uint64_t kMostPages = abi::kIoAreaStride / abi::kPageSize;
    if (pages > kMostPages) {
        return fail(fmt::format("{}: {} slots of {} pages are more than the {} pages of a window", name,
                                instances + 1, options.slot_pages, kMostPages),
                    "load several templates, or fewer instances");
    }
    // The kernel takes no window of one page.
    const auto image =
        TRY(load_function({bytes, name}, options.memory_limit, std::max<std::uint64_t>(pages, 2)));
    auto enclave = TRY(Enclave::build(machine, image));
    std::shared_ptr<FunctionProgram> program{
        new FunctionProgram{machine,
                            name,
                            std::move(bytes),
                            options.slot_pages,
                            std::make_shared<const CallPolicy>(options.calls),
                            std::move(enclave),
                            {},
                            {}}};
    for (std::uint32_t i = instances; i > 0; i--) program->free_slots.push_back(i);
    return program;
}

Result<EntryPoint> find_entry(const FunctionProgram& program, std::string_view name) {
    const auto table = find_elf_symbol(program.file, "enclavisor_entries");
    const auto row = find_elf_symbol(program.file, fmt::format("enclavisor_entry_{}", name));
    if (!table || !row || *row < *table) {
        return fail(fmt::format("{} has no entry point '{}'", program.name, name),
                    "see its ENCLAVISOR_ENTRY lines; do not strip it");
    }
    constexpr std::uint64_t kRowSize = 8;  // a pointer
    return EntryPoint{static_cast<std::uint32_t>((*row - *table) / kRowSize)};
}

base::Failure<Error> destroyed() {
    return fail("the instance was destroyed");
}

}  // namespace

// --- Template ----------------------------------------------------------------

Result<FunctionTemplate> FunctionTemplate::load(Machine& machine, const std::filesystem::path& file,
                                                const FunctionOptions& options) {
    auto program = TRY(build(machine, file, options, options.instances));
    const auto client =
        std::make_shared<CallClient>(machine, program->slot(0), program->policy, abi::EnclaveWaits::kAwake);
    client->attach(program->enclave->handle());
    TRY(program->enclave->start());
    const auto frozen = client->wait_until([&] {
        const auto record = client->status();
        return record && record->state == static_cast<std::uint32_t>(abi::EnclaveState::kTemplate);
    });
    client->close();
    if (!frozen) {
        return fail(fmt::format("{} did not become a template: {}", program->name, frozen.error().cause),
                    frozen.error().cure, frozen.error().exit_code);
    }
    return FunctionTemplate{std::move(program)};
}

std::uint64_t FunctionTemplate::handle() const {
    return program_->enclave->handle();
}
const Measurement& FunctionTemplate::measurement() const {
    return program_->enclave->measurement();
}

Result<EntryPoint> FunctionTemplate::entry(std::string_view name) const {
    return find_entry(*program_, name);
}

Result<Instance> FunctionTemplate::fork() {
    auto instances = TRY(fork(1));
    return std::move(instances.front());
}

Result<std::vector<Instance>> FunctionTemplate::fork(std::size_t count) {
    struct Planned {
        std::uint32_t slot;
        std::shared_ptr<CallClient> client;
    };
    std::vector<Planned> planned;
    std::vector<abi::ControlCommand> commands;
    std::optional<Error> error;
    for (std::size_t i = 0; i < count && !error; i++) {
        const auto slot = program_->take_slot();
        if (!slot) {
            error = slot.error();
            break;
        }
        planned.push_back(
            {slot.value(), std::make_shared<CallClient>(program_->machine, program_->slot(slot.value()),
                                                        program_->policy, abi::EnclaveWaits::kQuietly)});
        commands.push_back(
            control_command(abi::Command::kFork, {handle(), program_->slot_offset(slot.value())}));
    }
    std::vector<Instance> instances;
    if (!error) {
        const auto completions = program_->machine.control().submit_all(commands);
        // Without completions nothing is known; the slots stay taken.
        if (!completions) return base::Failure{completions.error()};
        for (std::size_t i = 0; i < count; i++) {
            const auto& completion = completions.value()[i];
            const auto values = control_values(commands[i].command, completion);
            if (!values) {
                error = values.error();
                continue;
            }
            auto& [slot, client] = planned[i];
            client->attach(values.value()[0]);
            instances.push_back(Instance{program_, std::move(client), slot, values.value()[0]});
        }
    }
    if (!error) return instances;
    for (const auto& [slot, client] : planned) {
        if (client != nullptr) program_->give_back(slot);
    }
    (void)Instance::destroy_all(instances);
    return base::Failure{*error};
}

// --- Instance ----------------------------------------------------------------

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
    auto program = TRY(build(machine, file, options, 0));
    auto client =
        std::make_shared<CallClient>(machine, program->slot(0), program->policy, abi::EnclaveWaits::kAwake);
    const std::uint64_t handle = program->enclave->handle();
    client->attach(handle);
    TRY(program->enclave->start());
    return Instance{std::move(program), std::move(client), 0, handle};
}

Result<EntryPoint> Instance::entry(std::string_view name) const {
    return find_entry(*program_, name);
}

std::optional<abi::EnclaveStatus> Instance::status() const {
    return handle_ == 0 ? std::nullopt : client_->status();
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
    TRY(client_->submit(ticket, entry.number, static_cast<std::uint32_t>(arguments.size())));
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
