// What the end of a firmware image tells QEMU and those who compute its launch digest
// (OvmfPkg/ResetVector; QEMU hw/i386/pc_sysfw_ovmf.c). Our ROM's is in kernel/boot/boot.S.
//
// The table is read backwards from 32 bytes before the end: a FirmwareTableEntry that is the
// footer, then entries, each a FirmwareTableEntry with its data before it. The SEV metadata may
// lie anywhere in the image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace enclavisor::abi {

struct Guid {
    std::uint32_t a;
    std::uint16_t b, c;
    std::uint8_t d[8];
    friend bool operator==(Guid, Guid) = default;  // by value: packed structures have some
};
static_assert(sizeof(Guid) == 16 && std::has_unique_object_representations_v<Guid>);

struct [[gnu::packed]] FirmwareTableEntry {
    std::uint16_t size;  // with this structure; of the footer: the whole table's
    Guid guid;
};
static_assert(sizeof(FirmwareTableEntry) == 18);

inline constexpr std::size_t kFirmwareTableEnd = 32;  // before the end of the image

inline constexpr Guid kFirmwareTableGuid{
    0x96b582de, 0x1fb2, 0x45f7, {0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d}};
// 32 bits: where the vCPUs but the first begin; bits 31:16 are the base of CS, 15:0 IP.
inline constexpr Guid kSevEsResetGuid{
    0x00f771de, 0x1a7e, 0x4fcb, {0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e}};
// FirmwareArea: where a launch secret goes.
inline constexpr Guid kLaunchSecretGuid{
    0x4c2eb361, 0x7d9b, 0x4cc3, {0x80, 0x81, 0x12, 0x7c, 0x90, 0xd3, 0xd2, 0x94}};
// FirmwareArea: where QEMU puts the hashes of -kernel, -initrd and -append.
inline constexpr Guid kKernelHashesGuid{
    0x7255371f, 0x3a3b, 0x4b04, {0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54}};
// 32 bits: where SevMetadata begins, counted back from the end of the image.
inline constexpr Guid kSevMetadataGuid{
    0xdc886566, 0x984a, 0x4798, {0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc}};

struct FirmwareArea {
    std::uint32_t base, size;
};
static_assert(sizeof(FirmwareArea) == 8);

enum class SevSectionKind : std::uint32_t {
    kMemory = 1,  // zero pages, valid from the beginning
    kSecrets = 2,
    kCpuid = 3,
    kCallingArea = 4,  // of an SVSM
    kKernelHashes = 0x10,
};

struct SevSection {
    std::uint32_t base, size, kind;  // SevSectionKind
};
static_assert(sizeof(SevSection) == 12);

struct SevMetadata {
    std::uint32_t signature;  // kSevMetadataSignature
    std::uint32_t size;       // with the sections, which follow
    std::uint32_t version;    // 1
    std::uint32_t count;
};
static_assert(sizeof(SevMetadata) == 16);
inline constexpr std::uint32_t kSevMetadataSignature = 0x56455341;  // "ASEV"
inline constexpr std::uint32_t kSevMetadataVersion = 1;

}  // namespace enclavisor::abi
