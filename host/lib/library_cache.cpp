#include "host/lib/library_cache.hpp"

#include <cstdint>
#include <cstring>

namespace enclavisor::host {
namespace {

constexpr std::string_view kCacheMagic = "glibc-ld.so.cache1.1";

struct CacheHeader {
    char magic[20];
    std::uint32_t count, string_size;
    std::uint8_t flags, padding[3];
    std::uint32_t extensions, unused[3];
};
static_assert(sizeof(CacheHeader) == 48);

struct CacheEntry {
    std::int32_t flags;
    std::uint32_t key, value;  // offsets of strings in the file
    std::uint32_t os_version;
    std::uint64_t hwcap;  // not 0: for some processors only
};
static_assert(sizeof(CacheEntry) == 24);
constexpr std::int32_t kLibc6X8664 = 0x0303;

std::string_view string_at(std::span<const std::byte> file, std::uint32_t offset) {
    if (offset >= file.size()) return {};
    const char* begin = reinterpret_cast<const char*>(file.data()) + offset;
    return {begin, ::strnlen(begin, file.size() - offset)};
}

}  // namespace

std::string find_in_cache(std::span<const std::byte> cache, std::string_view name) {
    CacheHeader header;
    if (cache.size() < sizeof(header)) return {};
    std::memcpy(&header, cache.data(), sizeof(header));
    if (std::string_view{header.magic, sizeof(header.magic)} != kCacheMagic) return {};
    if (header.count > (cache.size() - sizeof(header)) / sizeof(CacheEntry)) return {};
    for (std::uint32_t i = 0; i < header.count; i++) {
        CacheEntry entry;
        std::memcpy(&entry, cache.data() + sizeof(header) + i * sizeof(entry), sizeof(entry));
        if (entry.flags == kLibc6X8664 && entry.hwcap == 0 && string_at(cache, entry.key) == name) {
            return std::string{string_at(cache, entry.value)};
        }
    }
    return {};
}

}  // namespace enclavisor::host
