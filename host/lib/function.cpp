#include "host/lib/function.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/lib/elf.hpp"
#include "host/lib/file.hpp"
#include "host/lib/function_program.hpp"
#include "host/lib/loader.hpp"

namespace enclavisor::host {
namespace detail {

Result<std::shared_ptr<FunctionProgram>> build_function(Machine& machine, const std::filesystem::path& file,
                                                        const FunctionOptions& options,
                                                        std::uint32_t instances) {
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

}  // namespace detail

Result<FunctionTemplate> FunctionTemplate::load(Machine& machine, const std::filesystem::path& file,
                                                const FunctionOptions& options) {
    auto program = TRY(detail::build_function(machine, file, options, options.instances));
    const auto client =
        std::make_shared<CallClient>(machine, program->slot(0), program->policy, abi::EnclaveWaits::kAwake);
    client->attach(program->enclave->handle());
    TRY(program->enclave->start());
    const auto frozen =
        client->wait_until([&] { return program->enclave->is(abi::EnclaveState::kTemplate); });
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
    return detail::find_entry(*program_, name);
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
    for (std::size_t i = 0; i < count; i++) {
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

}  // namespace enclavisor::host
