// The pages of a host's file that programs map shared, as all processes that map it see them. They are
// the enclave's own: the host gets what was stored in them at msync, fsync, munmap and the end of a
// process, and before a call reads the file; what a call writes is seen in them. What other programs of
// the host do to the file meanwhile is not.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/files/host_file.hpp"

namespace enclavisor::runtime {

class HostPages final : public OpenFile {
public:
    // Those of the file, which is regular and open for reading and writing; null: -errno of the host's.
    static Ref<OpenFile> of(HostFile& file);
    // The same, if some program maps it; null: none does.
    static Ref<HostPages> find(HostFile& file);
    static bool any();
    ~HostPages() override;

    bool can_share() const override { return true; }
    bool can_map() override { return true; }
    std::string name() const override { return file_->name(); }
    // The lock may be released.
    std::byte* shared_page(std::uint64_t offset) override;

    // What was stored goes to the host. 0 or the first -errno. The lock is released meanwhile.
    std::int64_t write_back(std::uint64_t offset, std::uint64_t size) override;
    // A call wrote that into the file.
    void changed(std::uint64_t offset, const Buffers& from, std::uint64_t size);
    // The file ends there now.
    void cut(std::uint64_t size);

private:
    static constexpr std::uint64_t kPage = 4096;
    using Bytes = std::array<std::byte, kPage>;  // the runtime's heap aligns it to a page
    struct Digest {
        std::uint64_t a, b;
        bool operator==(const Digest&) const = default;
    };
    struct Page {
        std::uint64_t number;
        std::unique_ptr<Bytes> bytes;
        Digest at_host;  // of what the host has
    };

    HostPages(HostFile& file, FileIdentity identity);
    static Digest digest_of(const Bytes& bytes);
    Page* find_page(std::uint64_t number, bool or_next = false);
    std::int64_t write_page(std::uint64_t number, const Bytes& bytes, std::uint64_t end);

    Ref<HostFile> file_;
    FileIdentity identity_;
    std::vector<Page> pages_;  // sorted
};

// All of the enclave's.
struct AllHostPages {
    std::vector<HostPages*> all;
    void write_back();
};

}  // namespace enclavisor::runtime
