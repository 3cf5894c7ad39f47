#include "tests/support/native_enclave.hpp"

#include <cstring>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/support/subprocess.hpp"

namespace enclavisor::tests {

using abi::Command;
using abi::kPageSize;

NativeImage::NativeImage(const std::string& path) {
    const std::string content = read_file(path);
    bytes_.resize(content.size());
    std::memcpy(bytes_.data(), content.data(), content.size());
    if (bytes_.size() < sizeof(Elf64_Ehdr) || std::memcmp(bytes_.data(), ELFMAG, SELFMAG) != 0) {
        throw std::runtime_error{"not an ELF file: " + path};
    }
}

std::vector<Elf64_Phdr> NativeImage::segments() const {
    std::vector<Elf64_Phdr> result;
    for (unsigned i = 0; i < header().e_phnum; i++) {
        Elf64_Phdr segment;
        std::memcpy(&segment, data(header().e_phoff + i * sizeof segment), sizeof segment);
        if (segment.p_type == PT_LOAD && segment.p_memsz > 0) result.push_back(segment);
    }
    return result;
}

std::uint64_t NativeImage::symbol(const std::string& name) const {
    const auto* sections = reinterpret_cast<const Elf64_Shdr*>(data(header().e_shoff));
    for (unsigned i = 0; i < header().e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) continue;
        const auto* symbols = reinterpret_cast<const Elf64_Sym*>(data(sections[i].sh_offset));
        const auto* names = reinterpret_cast<const char*>(data(sections[sections[i].sh_link].sh_offset));
        for (std::size_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); s++) {
            if (name == names + symbols[s].st_name) return symbols[s].st_value;
        }
    }
    throw std::runtime_error{"no symbol " + name};
}

void NativeImage::patch(std::uint64_t address, const void* from, std::size_t size) {
    for (const auto& segment : segments()) {
        if (address >= segment.p_vaddr && address + size <= segment.p_vaddr + segment.p_filesz) {
            std::memcpy(bytes_.data() + segment.p_offset + (address - segment.p_vaddr), from, size);
            return;
        }
    }
    throw std::runtime_error{"nothing to patch at that address"};
}

host::Result<void> NativeEnclave::add_segment(const NativeImage& image, const Elf64_Phdr& segment) {
    const std::uint64_t begin = segment.p_vaddr / kPageSize * kPageSize;
    const std::uint64_t file_end = segment.p_vaddr + segment.p_filesz;
    const std::uint64_t file_pages =
        segment.p_filesz == 0 ? 0 : (file_end - begin + kPageSize - 1) / kPageSize;
    const std::uint64_t pages = (segment.p_vaddr + segment.p_memsz - begin + kPageSize - 1) / kPageSize;
    const std::uint64_t permissions = abi::kRead | ((segment.p_flags & PF_W) != 0 ? abi::kWrite : 0) |
                                      ((segment.p_flags & PF_X) != 0 ? abi::kExecute : 0);
    std::vector<std::byte> content(file_pages * kPageSize);
    if (segment.p_filesz > 0) {
        std::memcpy(content.data() + (segment.p_vaddr - begin), image.data(segment.p_offset),
                    segment.p_filesz);
        TRY(machine_->control().call(Command::kAddPages, {handle_, begin, file_pages, permissions, 0},
                                     content));
    }
    if (pages > file_pages) {
        TRY(machine_->control().call(Command::kAddZeroPages, {handle_, begin + file_pages * kPageSize,
                                                              pages - file_pages, permissions}));
    }
    return {};
}

host::Result<NativeEnclave> NativeEnclave::create(host::Machine& machine, const NativeImage& image,
                                                  const NativeOptions& options) {
    NativeEnclave enclave{machine};
    enclave.io_offset_ = TRY(machine.io_pool().allocate());
    machine.link().clear(enclave.io_offset_, abi::kIoAreaPages * kPageSize);
    const auto created = TRY(machine.control().call(
        Command::kCreate, {options.memory_limit_pages, 0, 0, 0, options.exception_entry, 0, options.tenant}));
    enclave.handle_ = created[0];
    for (const auto& segment : image.segments()) TRY(enclave.add_segment(image, segment));
    TRY(machine.control().call(
        Command::kAddThread,
        {enclave.handle_, options.entry != 0 ? options.entry : image.entry(), abi::kThreadBlockBase,
         abi::kIoAreaBase, enclave.io_offset_, abi::kIoAreaPages}));
    const auto sealed = TRY(machine.control().call(Command::kSeal, {enclave.handle_}));
    std::memcpy(enclave.measurement_, sealed.data(), sizeof enclave.measurement_);
    return enclave;
}

NativeEnclave::NativeEnclave(NativeEnclave&& other) noexcept
    : machine_{other.machine_}, handle_{other.handle_}, io_offset_{other.io_offset_} {
    std::memcpy(measurement_, other.measurement_, sizeof measurement_);
    other.handle_ = other.io_offset_ = 0;
}

NativeEnclave::~NativeEnclave() {
    if (handle_ != 0) {
        (void)stop();
        (void)destroy();
    }
    release();
}

void NativeEnclave::release() {
    if (io_offset_ != 0) machine_->io_pool().free(io_offset_);
    io_offset_ = 0;
}

host::Result<void> NativeEnclave::start() {
    TRY(machine_->control().call(Command::kStart, {handle_}));
    return {};
}

host::Result<void> NativeEnclave::stop() {
    TRY(machine_->control().call(Command::kStop, {handle_}));
    return {};
}

host::Result<void> NativeEnclave::destroy() {
    const std::uint64_t handle = handle_;
    handle_ = 0;
    TRY(machine_->control().call(Command::kDestroy, {handle}));
    release();
    return {};
}

std::optional<abi::EnclaveStatus> NativeEnclave::wait(std::chrono::milliseconds longest) {
    const auto end = std::chrono::steady_clock::now() + longest;
    for (;;) {
        if (machine_->is(handle_, abi::EnclaveState::kStopped)) return machine_->status(handle_);
        if (std::chrono::steady_clock::now() > end || !machine_->running()) return std::nullopt;
        std::this_thread::sleep_for(std::chrono::microseconds{200});
    }
}

std::string describe(const abi::EnclaveStatus& status) {
    static constexpr const char* kReasons[] = {"none",         "exited",        "fault",
                                               "memory limit", "out of memory", "bad call",
                                               "stopped",      "host protocol", "signal"};
    std::ostringstream text;
    text << (status.reason < std::size(kReasons) ? kReasons[status.reason] : "?") << ", code " << status.code
         << std::hex << ", detail 0x" << status.detail << ", address 0x" << status.address << ", rip 0x"
         << status.rip;
    return text.str();
}

}  // namespace enclavisor::tests
