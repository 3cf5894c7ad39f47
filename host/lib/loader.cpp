#include "host/lib/loader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "abi/host/control.hpp"
#include "abi/host/io_area.hpp"
#include "abi/platform/layout.hpp"
#include "base/checked.hpp"
#include "host/lib/elf.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

// What a process needs beside its image before it can say anything: page
// tables, first stack and heap pages, the runtime's own data.
constexpr std::uint64_t kWorkingPages = 64;

std::uint64_t page_floor(std::uint64_t address) {
    return address / abi::kPageSize * abi::kPageSize;
}
std::uint64_t page_ceiling(std::uint64_t address) {
    return base::round_up(address, abi::kPageSize);
}

// Adds all segments. Two segments in one page cannot both have their permissions.
Result<void> add_elf(EnclaveImage& image, const ElfFile& elf, std::uint64_t base, std::string_view name) {
    std::uint64_t filled = 0;
    for (const ElfSegment& segment : elf.segments) {
        if (segment.permissions == 0) continue;
        const auto address = base::checked_add(base, segment.address);
        if (!address || page_floor(*address) < filled) {
            return fail(fmt::format("{}: two of its segments share a page", name),
                        "link it with -z separate-code or -z max-page-size=4096", kExitNotExecutable);
        }
        TRY(image.add_segment(*address, segment.contents, segment.memory_size, segment.permissions));
        filled = page_ceiling(*address + segment.memory_size);
    }
    return {};
}

Result<void> add_runtime(EnclaveImage& image, const ElfInput& runtime, const ElfFile& elf) {
    if (elf.position_independent || elf.begin() < abi::kRuntimeBase || elf.end() > abi::kRuntimeEnd) {
        return fail(fmt::format("{}: is not linked at the runtime's addresses", runtime.name),
                    "build it again");
    }
    const ElfSegment* text = nullptr;
    for (const ElfSegment& segment : elf.segments) {
        if ((segment.permissions & abi::kExecute) == 0) continue;
        if (text != nullptr)
            return fail(fmt::format("{}: has two text segments", runtime.name), "build it again");
        text = &segment;
    }
    const auto syscall_entry = find_elf_symbol(runtime.bytes, "enclavisor_syscall_entry");
    const auto exception_entry = find_elf_symbol(runtime.bytes, "enclavisor_exception_entry");
    if (text == nullptr || !syscall_entry || !exception_entry) {
        return fail(fmt::format("{}: has no entry points", runtime.name), "build it again, do not strip it");
    }
    image.create.runtime_begin = page_floor(text->address);
    image.create.runtime_end = page_ceiling(text->address + text->memory_size);
    image.create.syscall_entry = *syscall_entry;
    image.create.exception_entry = *exception_entry;
    return add_elf(image, elf, 0, runtime.name);
}

void add_thread(EnclaveImage& image, std::uint64_t entry, std::uint64_t io_areas) {
    image.operations.emplace_back(
        ThreadOperation{entry, abi::kThreadBlockBase, abi::kIoAreaBase, abi::io_window_pages(io_areas)});
}

// Pages that the segments take, saturating: sizes are the file's.
std::uint64_t pages_of(const ElfFile& elf) {
    std::uint64_t pages = 0;
    for (const ElfSegment& segment : elf.segments) {
        if (segment.permissions == 0) continue;
        pages = base::checked_add(pages, segment.memory_size / abi::kPageSize + 2).value_or(~0ull);
    }
    return pages;
}

Result<void> check_limit(std::uint64_t limit, std::uint64_t pages, std::string_view name) {
    const std::uint64_t needed = base::checked_add(pages, kWorkingPages).value_or(~0ull);
    if (needed <= limit) return {};
    const std::uint64_t mib = needed / 256 + 1;
    return fail(
        fmt::format("the memory limit of {} is too small for {}", format_size(limit * abi::kPageSize), name),
        fmt::format("it needs at least {}M: raise --limit or enclave.memory_limit", mib));
}

// For what has no Linux runtime.
Result<ElfFile> parse_static(const ElfInput& program) {
    ElfFile elf = TRY(parse_elf(program.bytes, program.name));
    if (!elf.interpreter.empty()) {
        return fail(fmt::format("{}: is dynamically linked", program.name), "link it with -static",
                    kExitNotExecutable);
    }
    return elf;
}

Result<ElfFile> parse_interpreter(const ElfInput& interpreter) {
    ElfFile elf = TRY(parse_elf(interpreter.bytes, interpreter.name));
    if (!elf.position_independent || !elf.interpreter.empty() || elf.program_headers == 0 ||
        elf.end() > abi::kRuntimeBase - abi::kInterpreterBase) {
        return fail(fmt::format("{}: is no interpreter of dynamic programs", interpreter.name),
                    "link the program with another --dynamic-linker", kExitNotExecutable);
    }
    return elf;
}

}  // namespace

Result<EnclaveImage> load_process(const ElfInput& program, const std::optional<ElfInput>& interpreter,
                                  const ElfInput& runtime, const Configuration& configuration) {
    EnclaveImage image;
    image.create.memory_limit = configuration.options.memory_limit / abi::kPageSize;
    const ElfFile runtime_elf = TRY(parse_elf(runtime.bytes, runtime.name));
    const ElfFile elf = TRY(parse_elf(program.bytes, program.name));
    const ElfFile interpreter_elf = interpreter ? TRY(parse_interpreter(*interpreter)) : ElfFile{};
    std::uint64_t pages = pages_of(interpreter_elf);
    for (const ElfFile* file : {&runtime_elf, &elf}) {
        pages = base::checked_add(pages, pages_of(*file)).value_or(~0ull);
    }
    TRY(check_limit(image.create.memory_limit, pages, program.name));
    TRY(add_runtime(image, runtime, runtime_elf));

    const std::uint64_t base = elf.position_independent ? abi::kStaticPieBase : 0;
    if (elf.end() > abi::kMmapTop - base) {
        return fail(fmt::format("{}: is linked where the runtime needs room", program.name),
                    fmt::format("link it below {:#x}", abi::kMmapTop), kExitNotExecutable);
    }
    TRY(add_elf(image, elf, base, program.name));

    abi::ConfigProgram described{};
    described.entry = base + elf.entry;
    described.base = base;
    if (elf.program_headers != 0) {
        described.program_headers = base + elf.program_headers;
        described.header_count = elf.header_count;
    }
    described.brk_start = page_ceiling(base + elf.end());
    described.image_begin = page_floor(base + elf.begin());
    if (interpreter) {
        TRY(add_elf(image, interpreter_elf, abi::kInterpreterBase, interpreter->name));
        described.interpreter_entry = abi::kInterpreterBase + interpreter_elf.entry;
        described.interpreter_base = abi::kInterpreterBase;
        described.interpreter_headers = abi::kInterpreterBase + interpreter_elf.program_headers;
        described.interpreter_header_count = interpreter_elf.header_count;
    }
    const auto config = serialise(configuration, described);
    TRY(image.add_segment(abi::kConfigBase, config, config.size(), abi::kRead));

    for (const TrustedFile& file : configuration.trusted_files) {
        const auto bytes = std::as_bytes(std::span{file.chunks});
        image.hashes.insert(image.hashes.end(), bytes.begin(), bytes.end());
    }
    for (const TrustedFile& file : configuration.trusted_files) {
        const auto bytes = std::as_bytes(std::span{&file.modified_ns, 1});
        image.hashes.insert(image.hashes.end(), bytes.begin(), bytes.end());
    }
    add_thread(image, runtime_elf.entry,
               std::clamp<std::uint64_t>(configuration.options.threads, 1, abi::kMaxIoAreas));
    return image;
}

Result<EnclaveImage> load_native(const ElfInput& program, std::uint64_t memory_limit_bytes) {
    EnclaveImage image;
    image.create.memory_limit = memory_limit_bytes / abi::kPageSize;
    const ElfFile elf = TRY(parse_static(program));
    if (pages_of(elf) > image.create.memory_limit) {
        TRY(check_limit(image.create.memory_limit, pages_of(elf), program.name));
    }
    const std::uint64_t base = elf.position_independent ? abi::kStaticPieBase : 0;
    image.create.exception_entry = find_elf_symbol(program.bytes, "enclavisor_exception_entry").value_or(0);
    if (image.create.exception_entry != 0) image.create.exception_entry += base;
    TRY(add_elf(image, elf, base, program.name));
    add_thread(image, base + elf.entry, 1);
    return image;
}

Result<EnclaveImage> load_function(const ElfInput& program, std::uint64_t memory_limit_bytes,
                                   std::uint64_t window_pages) {
    EnclaveImage image;
    image.create.memory_limit = memory_limit_bytes / abi::kPageSize;
    const ElfFile elf = TRY(parse_static(program));
    const auto block = find_elf_symbol(program.bytes, "enclavisor_thread_block");
    if (elf.position_independent || !block || *block % abi::kPageSize != 0) {
        return fail(fmt::format("{}: is no function enclave", program.name),
                    "link it with the SDK's function.ld, do not strip it", kExitNotExecutable);
    }
    TRY(check_limit(image.create.memory_limit, pages_of(elf), program.name));
    TRY(add_elf(image, elf, 0, program.name));
    image.operations.emplace_back(ThreadOperation{elf.entry, *block, abi::kIoAreaBase, window_pages});
    return image;
}

}  // namespace enclavisor::host
