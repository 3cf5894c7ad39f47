// What a function's template and its instances share, inside the library.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/lib/function.hpp"

namespace enclavisor::host {
namespace detail {

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

// Builds the enclave, not started, with slots for `instances` instances beside its own.
Result<std::shared_ptr<FunctionProgram>> build_function(Machine& machine, const std::filesystem::path& file,
                                                        const FunctionOptions& options,
                                                        std::uint32_t instances);

Result<EntryPoint> find_entry(const FunctionProgram& program, std::string_view name);

}  // namespace detail
}  // namespace enclavisor::host
