#include "host/lib/image.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "abi/host/control.hpp"
#include "abi/platform/layout.hpp"
#include "base/checked.hpp"

namespace enclavisor::host {

std::uint64_t EnclaveImage::pages() const {
    std::uint64_t sum = 0;
    for (const ImageOperation& operation : operations) {
        if (const auto* pages = std::get_if<PagesOperation>(&operation)) {
            sum += pages->contents.size() / abi::kPageSize;
        } else if (const auto* zero = std::get_if<ZeroPagesOperation>(&operation)) {
            sum += zero->pages;
        } else {
            sum += 1;
        }
    }
    return sum;
}

std::size_t EnclaveImage::threads() const {
    return static_cast<std::size_t>(std::count_if(
        operations.begin(), operations.end(),
        [](const auto& operation) { return std::holds_alternative<ThreadOperation>(operation); }));
}

Result<void> EnclaveImage::add_segment(std::uint64_t address, std::span<const std::byte> contents,
                                       std::uint64_t memory_size, std::uint64_t permissions) {
    if (!base::range_within(address, memory_size, abi::kEnclaveBegin, abi::kEnclaveEnd) ||
        contents.size() > memory_size) {
        return fail(fmt::format("a segment at {:#x} lies outside the addresses of an enclave", address),
                    fmt::format("link the program at or above {:#x}", abi::kEnclaveBegin),
                    kExitNotExecutable);
    }
    const std::uint64_t begin = address / abi::kPageSize * abi::kPageSize;
    const std::uint64_t end = base::round_up(address + memory_size, abi::kPageSize);
    if ((end - begin) / abi::kPageSize > create.memory_limit) {
        return fail(fmt::format("the memory limit is too small: one segment alone needs {} KiB",
                                (end - begin) / 1024),
                    "raise --limit or enclave.memory_limit");
    }
    std::uint64_t filled = begin;
    if (!contents.empty()) {
        filled = base::round_up(address + contents.size(), abi::kPageSize);
        PagesOperation operation{begin, permissions, std::vector<std::byte>(filled - begin)};
        std::copy(contents.begin(), contents.end(),
                  operation.contents.begin() + static_cast<std::ptrdiff_t>(address - begin));
        operations.emplace_back(std::move(operation));
    }
    while (filled < end) {
        const std::uint64_t pages = std::min((end - filled) / abi::kPageSize, abi::kMaxZeroPagesPerCommand);
        operations.emplace_back(ZeroPagesOperation{filled, pages, permissions});
        filled += pages * abi::kPageSize;
    }
    return {};
}

}  // namespace enclavisor::host
