#include "host/lib/kernel_hashes.hpp"

#include <cstring>
#include <string>

#include "abi/platform/firmware_table.hpp"
#include "host/lib/sha.hpp"

namespace enclavisor::host {
namespace {

// QEMU target/i386/sev.c.
struct [[gnu::packed]] HashEntry {
    abi::Guid guid;
    std::uint16_t size = sizeof(HashEntry);
    KernelHashes::Digest digest;
};
struct [[gnu::packed]] HashTable {
    abi::Guid guid;
    std::uint16_t size = sizeof(HashTable);
    HashEntry command_line, initrd, kernel;
};
static_assert(sizeof(HashTable) == 168 && sizeof(HashTable) <= KernelHashes::kTableSize);

constexpr abi::Guid kTable{0x9438d606, 0x4f22, 0x4cc9, {0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21}};
constexpr abi::Guid kCommandLine{
    0x97d02dd8, 0xbd20, 0x4c94, {0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a}};
constexpr abi::Guid kInitrd{0x44baf731, 0x3a2f, 0x4bd7, {0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d}};
constexpr abi::Guid kKernel{0x4de79437, 0xabd2, 0x427f, {0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b}};

KernelHashes::Digest sha256(std::span<const std::byte> bytes) {
    Sha sha{ShaKind::kSha256};
    sha.update(bytes);
    KernelHashes::Digest digest;
    sha.finish(digest);
    return digest;
}

}  // namespace

KernelHashes KernelHashes::of(std::span<const std::byte> kernel, std::span<const std::byte> initrd,
                              std::string_view command_line) {
    const std::string with_zero{command_line};  // its zero is hashed too
    return {sha256(kernel), sha256(initrd),
            sha256(std::as_bytes(std::span{with_zero.c_str(), with_zero.size() + 1}))};
}

std::array<std::byte, KernelHashes::kTableSize> KernelHashes::table() const {
    const HashTable table{.guid = kTable,
                          .command_line = {.guid = kCommandLine, .digest = command_line},
                          .initrd = {.guid = kInitrd, .digest = initrd},
                          .kernel = {.guid = kKernel, .digest = kernel}};
    std::array<std::byte, kTableSize> bytes{};
    std::memcpy(bytes.data(), &table, sizeof(table));
    return bytes;
}

}  // namespace enclavisor::host
