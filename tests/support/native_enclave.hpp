// Builds enclaves without a runtime out of a static ELF64, by control commands
// only: what an attacker would do, and independent of the library's loader.
#pragma once

#include <elf.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abi/host/control.hpp"
#include "host/lib/machine.hpp"

namespace enclavisor::tests {

class NativeImage {
public:
    // Throws if `path` is not a static ELF64.
    explicit NativeImage(const std::string& path);

    std::uint64_t symbol(const std::string& name) const;  // throws if absent
    std::uint64_t entry() const { return header().e_entry; }
    // Overwrites initialised data at a virtual address.
    void patch(std::uint64_t address, const void* data, std::size_t size);
    const Elf64_Ehdr& header() const { return *reinterpret_cast<const Elf64_Ehdr*>(bytes_.data()); }
    std::vector<Elf64_Phdr> segments() const;  // PT_LOAD with contents or size
    const std::byte* data(std::uint64_t file_offset) const { return bytes_.data() + file_offset; }

private:
    std::vector<std::byte> bytes_;
};

struct NativeOptions {
    std::uint64_t entry = 0;  // 0: the image's
    std::uint64_t memory_limit_pages = 512;
    std::uint64_t exception_entry = 0;
    std::uint64_t tenant = 0;
};

// An enclave in a machine; stopped and destroyed with its owner.
class NativeEnclave {
public:
    static host::Result<NativeEnclave> create(host::Machine& machine, const NativeImage& image,
                                              const NativeOptions& options = {});
    NativeEnclave(NativeEnclave&& other) noexcept;
    NativeEnclave(const NativeEnclave&) = delete;
    ~NativeEnclave();

    host::Result<void> start();
    host::Result<void> stop();
    // The status record once the enclave has ended; nothing after `longest`.
    std::optional<abi::EnclaveStatus> wait(std::chrono::milliseconds longest);
    host::Result<void> destroy();

    std::uint64_t handle() const { return handle_; }
    std::span<std::byte> io_data() { return machine_->link().io_data(io_offset_); }
    const std::uint8_t* measurement() const { return measurement_; }

private:
    explicit NativeEnclave(host::Machine& machine) : machine_{&machine} {}
    host::Result<void> add_segment(const NativeImage& image, const Elf64_Phdr& segment);
    void release();

    host::Machine* machine_;
    std::uint64_t handle_ = 0;
    std::uint64_t io_offset_ = 0;
    std::uint8_t measurement_[48]{};
};

// "fault, vector 14, error 0x5, address 0x..., rip 0x..."
std::string describe(const abi::EnclaveStatus& status);

}  // namespace enclavisor::tests
