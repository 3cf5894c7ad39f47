#include "host/lib/firmware.hpp"

#include <fmt/format.h>

#include "abi/platform/layout.hpp"
#include "base/checked.hpp"
#include "host/lib/elf_read.hpp"
#include "host/lib/kernel_hashes.hpp"

namespace enclavisor::host {
namespace {

using abi::FirmwareTableEntry;
using abi::Guid;
using abi::SevSectionKind;

// Data of the entries that concern us; empty: there is none.
struct Table {
    std::span<const std::byte> reset, kernel_hashes, launch_secret, metadata;
};

base::Failure<Error> broken(const std::string& name, const std::string& what) {
    return fail(fmt::format("{}: {}", name, what), "it is damaged, or no firmware for SEV",
                kExitNotExecutable);
}

std::span<const std::byte>* place_of(Table& table, Guid guid) {
    if (guid == abi::kSevEsResetGuid) return &table.reset;
    if (guid == abi::kKernelHashesGuid) return &table.kernel_hashes;
    if (guid == abi::kLaunchSecretGuid) return &table.launch_secret;
    if (guid == abi::kSevMetadataGuid) return &table.metadata;
    return nullptr;
}

Result<Table> read_table(std::span<const std::byte> image, const std::string& name) {
    Table table;
    const std::size_t end = image.size() - abi::kFirmwareTableEnd;
    const auto footer = read_at<FirmwareTableEntry>(image, end - sizeof(FirmwareTableEntry));
    if (!footer || footer->guid != abi::kFirmwareTableGuid) return table;
    if (footer->size < sizeof(FirmwareTableEntry) || footer->size > end)
        return broken(name, fmt::format("its GUID table cannot have {} bytes", footer->size));
    const std::size_t begin = end - footer->size;
    for (std::size_t at = end - sizeof(FirmwareTableEntry); at > begin;) {
        const auto entries = image.subspan(begin, at - begin);
        // Unsigned: before the beginning is far beyond the end.
        const auto entry = read_at<FirmwareTableEntry>(entries, entries.size() - sizeof(FirmwareTableEntry));
        if (!entry || entry->size < sizeof(FirmwareTableEntry) || entry->size > entries.size())
            return broken(name, "an entry of its GUID table does not fit the table");
        at -= entry->size;
        auto* place = place_of(table, entry->guid);
        if (place == nullptr) continue;
        if (!place->empty()) return broken(name, "its GUID table says one thing twice");
        *place = image.subspan(at, entry->size - sizeof(FirmwareTableEntry));
        if (place->empty()) return broken(name, "its GUID table has an entry without contents");
    }
    return table;
}

const char* name_of(SevSectionKind kind) {
    switch (kind) {
        case SevSectionKind::kMemory:
            return "memory";
        case SevSectionKind::kSecrets:
            return "secrets";
        case SevSectionKind::kCpuid:
            return "CPUID";
        case SevSectionKind::kCallingArea:
            return "calling area";
        case SevSectionKind::kKernelHashes:
            return "kernel hashes";
    }
    return nullptr;
}

Result<FirmwareSection> check_section(const abi::SevSection& raw, const Firmware& firmware) {
    const std::string& name = firmware.name;
    const FirmwareSection section{SevSectionKind{raw.kind}, raw.base, raw.size};
    const char* kind = name_of(section.kind);
    if (kind == nullptr)
        return broken(name, fmt::format("its SEV metadata has an unknown kind {}", raw.kind));
    const std::string which = fmt::format("its SEV section {:#x}+{:#x} ({})", raw.base, raw.size, kind);
    if (raw.size == 0 || raw.base % abi::kPageSize != 0 || raw.size % abi::kPageSize != 0)
        return broken(name, which + " is not of whole pages");
    const bool may_be_long =
        section.kind == SevSectionKind::kMemory || section.kind == SevSectionKind::kCallingArea;
    if (raw.size != abi::kPageSize && !may_be_long) return broken(name, which + " is not one page");
    if (section.base + section.size > firmware.base()) return broken(name, which + " overlaps the image");
    for (const FirmwareSection& other : firmware.sections) {
        if (section.base < other.base + other.size && other.base < section.base + section.size)
            return broken(name, which + " overlaps another");
    }
    return section;
}

Result<void> read_metadata(std::uint32_t from_end, Firmware& firmware) {
    const std::string& name = firmware.name;
    const auto image = firmware.bytes;
    const auto outside = [&] { return broken(name, "its SEV metadata does not lie in the image"); };
    if (from_end > image.size()) return outside();
    const std::size_t begin = image.size() - from_end;
    const auto header = read_at<abi::SevMetadata>(image, begin);
    if (!header) return outside();
    if (header->signature != abi::kSevMetadataSignature) return broken(name, "its SEV metadata is not there");
    if (header->version != abi::kSevMetadataVersion)
        return broken(name, fmt::format("its SEV metadata has the unknown version {}", header->version));
    if (header->size > from_end) return outside();
    if (header->count > kMaxFirmwareSections)
        return broken(name, fmt::format("{} SEV sections are too many", header->count));
    if (header->size != sizeof(abi::SevMetadata) + std::uint64_t{header->count} * sizeof(abi::SevSection))
        return broken(name, "size and number of its SEV sections contradict each other");
    firmware.has_metadata = true;
    for (std::uint32_t i = 0; i < header->count; i++) {
        const auto raw = read_entry<abi::SevSection>(image, begin + sizeof(abi::SevMetadata), i);
        firmware.sections.push_back(TRY(check_section(*raw, firmware)));
    }
    return {};
}

}  // namespace

Result<Firmware> parse_firmware(std::span<const std::byte> bytes, const std::string& name) {
    if (bytes.empty() || bytes.size() % abi::kPageSize != 0 || bytes.size() > kMaxFirmwareSize) {
        return fail(fmt::format("{}: {} bytes are no firmware image", name, bytes.size()),
                    "it has whole pages of 4096 bytes, at most 64 MiB", kExitNotExecutable);
    }
    Firmware firmware{.name = name, .bytes = bytes};
    const Table table = TRY(read_table(bytes, name));
    if (!table.reset.empty()) {
        const auto address = read_at<std::uint32_t>(table.reset, 0);
        if (!address) return broken(name, "its SEV-ES reset block is too short");
        firmware.reset_address = *address;
    }
    if (!table.kernel_hashes.empty()) {
        firmware.kernel_hashes = read_at<abi::FirmwareArea>(table.kernel_hashes, 0);
        if (!firmware.kernel_hashes) return broken(name, "its kernel hashes' area is too short");
    }
    if (!table.launch_secret.empty()) {
        firmware.launch_secret = read_at<abi::FirmwareArea>(table.launch_secret, 0);
        if (!firmware.launch_secret) return broken(name, "its launch secret's area is too short");
    }
    if (!table.metadata.empty()) {
        const auto from_end = read_at<std::uint32_t>(table.metadata, 0);
        if (!from_end) return broken(name, "its SEV metadata's place is too short");
        TRY(read_metadata(*from_end, firmware));
    }
    return firmware;
}

Result<std::uint32_t> reset_address(const Firmware& firmware) {
    if (firmware.reset_address != 0) return firmware.reset_address;
    return fail(firmware.name + " has no SEV-ES reset block, where other vCPUs begin",
                "give a firmware that is built for SEV-ES", kExitNotExecutable);
}

Result<abi::FirmwareArea> kernel_hashes_area(const Firmware& firmware) {
    const auto& area = firmware.kernel_hashes;
    if (area && area->base != 0 && area->size >= KernelHashes::kTableSize) return *area;
    return fail(firmware.name + " has no area for kernel hashes", "give a firmware that can take them",
                kExitNotExecutable);
}

}  // namespace enclavisor::host
