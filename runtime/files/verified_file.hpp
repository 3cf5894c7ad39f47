// Trusted files, chunk by chunk: the host keeps the bytes and the list of the chunks'
// hashes, the configuration has one hash over size and list. Nothing is used before it is
// verified, and what is verified lies in the enclave.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "runtime/config/config.hpp"
#include "runtime/files/memory_file.hpp"

namespace enclavisor::runtime {

// The host as trusted files see it. Results as for the Linux calls.
class TrustedSource {
public:
    virtual ~TrustedSource() = default;
    virtual std::int64_t open(const std::string& host_path) = 0;
    virtual void close(std::int64_t file) = 0;
    virtual std::int64_t read(std::int64_t file, std::byte* to, std::uint64_t size, std::uint64_t offset) = 0;
    // Of the list of all hashes.
    virtual std::int64_t read_hashes(std::byte* to, std::uint64_t size, std::uint64_t offset) = 0;
};

// Reads exactly `size` bytes by `read(to, size, offset)`: 0, or -errno; less is -EIO.
template <typename Read>
std::int64_t read_exactly(std::byte* to, std::uint64_t size, std::uint64_t offset, Read read) {
    for (std::uint64_t done = 0; done < size;) {
        const std::int64_t count = read(to + done, size - done, offset + done);
        if (count <= 0) return count < 0 ? count : -EIO;
        done += static_cast<std::uint64_t>(count);
    }
    return 0;
}

// The hashes of one file's chunks, verified.
class ChunkHashes {
public:
    // Asks the host for them. 0; -EACCES if they are not the file's; or the host's error.
    std::int64_t load(TrustedSource& source, const TrustedFile& file);
    bool match(const TrustedFile& file, std::uint64_t chunk, std::span<const std::byte> bytes) const;

private:
    using Hash = std::array<std::byte, 32>;
    // Empty for a file of one chunk: that can be compared with the root.
    std::vector<Hash> hashes_;
};

class VerifiedFile final : public PositionedFile {
public:
    // Owns the host's `descriptor`. All that is referred to must outlive this.
    VerifiedFile(int flags, const struct stat& info, TrustedSource& source, std::int64_t descriptor,
                 const TrustedFile& file, const ChunkHashes& hashes)
        : PositionedFile{flags},
          info_{info},
          source_{&source},
          descriptor_{descriptor},
          file_{&file},
          hashes_{&hashes} {}
    ~VerifiedFile() override { source_->close(descriptor_); }

    bool immutable() const override { return true; }
    std::string name() const override { return std::string{file_->path}; }
    std::int64_t stat(struct stat& to) override {
        to = info_;
        return 0;
    }

protected:
    std::uint64_t size() const override { return file_->info.size; }
    std::int64_t read_at(const Buffers& to, std::uint64_t offset) override;

private:
    std::int64_t need(std::uint64_t chunk, std::uint64_t last);

    struct stat info_;
    TrustedSource* source_;
    std::int64_t descriptor_;
    const TrustedFile* file_;
    const ChunkHashes* hashes_;
    std::uint64_t begin_ = 0;          // in the file, of
    std::vector<std::byte> contents_;  // a few chunks, verified
};

}  // namespace enclavisor::runtime
