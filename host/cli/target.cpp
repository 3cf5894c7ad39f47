#include "host/cli/target.hpp"

#include <fmt/format.h>

#include "abi/platform/layout.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {

Result<Application> describe_target(const std::string& name, const std::string& limit) {
    if (is_manifest(name)) {
        if (!limit.empty()) {
            return fail("--limit does not go with a manifest", "set enclave.memory_limit in the manifest");
        }
        return describe_manifest(name);
    }
    std::uint64_t bytes = kDefaultMemoryLimit;
    if (!limit.empty()) {
        const auto size = parse_size(limit);
        if (!size || *size < abi::kPageSize) {
            return fail(fmt::format("--limit {} is not a size", limit), "write it like 256M or 1G");
        }
        bytes = *size / abi::kPageSize * abi::kPageSize;
    }
    return describe_program(TRY(find_program(name)), bytes);
}

}  // namespace enclavisor::host
