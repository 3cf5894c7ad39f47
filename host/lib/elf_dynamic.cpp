#include "host/lib/elf_dynamic.hpp"

#include <elf.h>

#include <cstring>

#include "base/checked.hpp"
#include "host/lib/elf_read.hpp"

namespace enclavisor::host {
namespace {

constexpr std::uint64_t kNowhere = ~0ull;

class Reader {
public:
    explicit Reader(std::span<const std::byte> file) : file_{file} {}

    bool open() {
        const auto header = read_at<Elf64_Ehdr>(file_, 0);
        if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
            header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
            header->e_phentsize != sizeof(Elf64_Phdr)) {
            return false;
        }
        for (std::uint64_t i = 0; i < header->e_phnum; i++) {
            const auto entry = read_entry<Elf64_Phdr>(file_, header->e_phoff, i);
            if (!entry) return false;
            if (entry->p_type == PT_LOAD) segments_.push_back(*entry);
            if (entry->p_type == PT_DYNAMIC) dynamic_ = *entry;
        }
        return true;
    }

    std::optional<ElfDynamic> read() {
        ElfDynamic result;
        std::vector<Elf64_Dyn> entries;
        for (std::uint64_t i = 0; i < dynamic_.p_filesz / sizeof(Elf64_Dyn); i++) {
            const auto entry = read_entry<Elf64_Dyn>(file_, dynamic_.p_offset, i);
            if (!entry) return std::nullopt;
            if (entry->d_tag == DT_NULL) break;
            if (entry->d_tag == DT_STRTAB) strings_ = offset_of(entry->d_un.d_ptr);
            entries.push_back(*entry);
        }
        for (const Elf64_Dyn& entry : entries) {
            switch (entry.d_tag) {
                case DT_NEEDED:
                    result.needed.push_back(text(entry.d_un.d_val));
                    break;
                case DT_SONAME:
                    result.soname = text(entry.d_un.d_val);
                    break;
                case DT_RPATH:
                    result.rpath = text(entry.d_un.d_val);
                    break;
                case DT_RUNPATH:
                    result.runpath = text(entry.d_un.d_val);
                    break;
                default:
                    break;
            }
        }
        return result;
    }

private:
    std::uint64_t offset_of(std::uint64_t address) const {
        for (const Elf64_Phdr& segment : segments_) {
            if (address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
                return base::checked_add(segment.p_offset, address - segment.p_vaddr).value_or(kNowhere);
            }
        }
        return kNowhere;
    }
    std::string text(std::uint64_t index) const {
        const auto at = base::checked_add(strings_, index);
        if (!at || *at >= file_.size()) return {};
        const char* begin = reinterpret_cast<const char*>(file_.data()) + *at;
        return {begin, ::strnlen(begin, file_.size() - *at)};
    }

    std::span<const std::byte> file_;
    std::vector<Elf64_Phdr> segments_;
    Elf64_Phdr dynamic_{};
    std::uint64_t strings_ = kNowhere;  // offset in the file
};

}  // namespace

std::optional<ElfDynamic> parse_dynamic(std::span<const std::byte> file) {
    Reader reader{file};
    return reader.open() ? reader.read() : std::nullopt;
}

}  // namespace enclavisor::host
