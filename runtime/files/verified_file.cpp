#include "runtime/files/verified_file.hpp"

#include <cstring>

#include "runtime/support/sha256.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kChunk = abi::kTrustedChunk;

bool is_root(const TrustedFile& file, std::span<const std::byte> list) {
    std::vector<std::byte> bytes(sizeof(file.info.size) + list.size());
    std::memcpy(bytes.data(), &file.info.size, sizeof(file.info.size));
    if (!list.empty()) std::memcpy(bytes.data() + sizeof(file.info.size), list.data(), list.size());
    const auto digest = sha256(bytes);
    return std::memcmp(digest.data(), file.info.root, digest.size()) == 0;
}

}  // namespace

std::int64_t ChunkHashes::load(TrustedSource& source, const TrustedFile& file) {
    const std::uint64_t count = abi::trusted_chunks(file.info.size);
    if (count == 0 && !is_root(file, {})) return -EACCES;
    if (count <= 1 || !hashes_.empty()) return 0;
    std::vector<Hash> hashes(count);
    const auto bytes = std::as_writable_bytes(std::span{hashes});
    const std::int64_t error = read_exactly(bytes.data(), bytes.size(), file.hashes_offset,
                                            [&](std::byte* to, std::uint64_t size, std::uint64_t at) {
                                                return source.read_hashes(to, size, at);
                                            });
    if (error != 0) return error;
    if (!is_root(file, bytes)) return -EACCES;
    hashes_ = std::move(hashes);
    return 0;
}

bool ChunkHashes::match(const TrustedFile& file, std::uint64_t chunk,
                        std::span<const std::byte> bytes) const {
    const Hash digest = sha256(bytes);
    return hashes_.empty() ? is_root(file, digest) : hashes_[chunk] == digest;
}

// Brings the chunk into contents_, and of those up to `last` as many as one call carries well.
// The lock is released meanwhile, and another thread may read as well: so they are made ready aside.
std::int64_t VerifiedFile::need(std::uint64_t chunk, std::uint64_t last) {
    constexpr std::uint64_t kMost = 4;
    const std::uint64_t begin = chunk * kChunk;
    if (begin >= begin_ && begin < begin_ + contents_.size()) return 0;
    const std::uint64_t wanted = std::min(last - chunk + 1, kMost);
    std::vector<std::byte> fresh(std::min(wanted * kChunk, size() - begin));
    const std::int64_t error = read_exactly(fresh.data(), fresh.size(), begin,
                                            [&](std::byte* to, std::uint64_t count, std::uint64_t at) {
                                                return source_->read(descriptor_, to, count, at);
                                            });
    // What stands before the trouble is delivered.
    if (error != 0) return wanted > 1 ? need(chunk, chunk) : error;
    std::uint64_t good = 0;
    for (std::uint64_t i = chunk; good < fresh.size(); i++) {
        const std::uint64_t count = std::min(kChunk, fresh.size() - good);
        if (!hashes_->match(*file_, i, std::span{fresh}.subspan(good, count))) break;
        good += count;
    }
    if (good == 0) return -EIO;
    fresh.resize(good);
    contents_ = std::move(fresh);
    begin_ = begin;
    return 0;
}

std::int64_t VerifiedFile::read_at(const Buffers& to, std::uint64_t offset) {
    if (offset >= size()) return 0;
    const std::uint64_t count = std::min(to.size(), size() - offset);
    for (std::uint64_t done = 0; done < count;) {
        const std::uint64_t next = offset + done;
        if (const std::int64_t error = need(next / kChunk, (offset + count - 1) / kChunk); error != 0) {
            return done > 0 ? static_cast<std::int64_t>(done) : error;
        }
        const std::uint64_t at = next - begin_;
        const std::uint64_t step = std::min(contents_.size() - at, count - done);
        if (!to.write(done, contents_.data() + at, step)) {
            return done > 0 ? static_cast<std::int64_t>(done) : -EFAULT;
        }
        done += step;
    }
    return static_cast<std::int64_t>(count);
}

}  // namespace enclavisor::runtime
