#include "runtime/files/host_pages.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "runtime/host/host.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

// Fills what is given as far as the file reaches. How much that was, or -errno.
std::int64_t read_host(int fd, std::byte* to, std::uint64_t size, std::uint64_t offset) {
    std::uint64_t done = 0;
    while (done < size) {
        const std::int64_t count = forward(C::kPread, fd, to + done, size - done, offset + done);
        if (count < 0) return count;
        if (count == 0) break;
        done += static_cast<std::uint64_t>(count);
    }
    return static_cast<std::int64_t>(done);
}

}  // namespace

HostPages::HostPages(HostFile& file, FileIdentity identity)
    : OpenFile{O_RDWR}, file_{&file}, identity_{identity} {
    system().host_pages.all.push_back(this);
}

HostPages::~HostPages() {
    std::erase(system().host_pages.all, this);
    write_back(0, ~0ull);
}

bool HostPages::any() {
    return !system().host_pages.all.empty();
}

Ref<HostPages> HostPages::find(HostFile& file) {
    if (!any()) return {};
    FileIdentity identity;
    if (!file.identify(identity)) return {};
    for (HostPages* each : system().host_pages.all) {
        if (each->identity_ == identity) return Ref<HostPages>{each};
    }
    return {};
}

Ref<OpenFile> HostPages::of(HostFile& file) {
    FileIdentity identity;
    if (!file.identify(identity)) return {};
    if (auto present = find(file)) return present;
    return Ref<OpenFile>{new HostPages(file, identity)};
}

HostPages::Digest HostPages::digest_of(const Bytes& bytes) {
    Digest digest{0xcbf29ce484222325, 0x9e3779b97f4a7c15};
    for (std::size_t i = 0; i < kPage; i += 8) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data() + i, sizeof(word));
        digest.a = (digest.a ^ word) * 0x100000001b3;
        digest.a ^= digest.a >> 32;
        digest.b = (digest.b + word) * 0xd6e8feb86659fd93;
        digest.b ^= digest.b >> 29;
    }
    return digest;
}

HostPages::Page* HostPages::find_page(std::uint64_t number, bool or_next) {
    const auto at =
        std::lower_bound(pages_.begin(), pages_.end(), number,
                         [](const Page& page, std::uint64_t wanted) { return page.number < wanted; });
    return at != pages_.end() && (or_next || at->number == number) ? &*at : nullptr;
}

std::byte* HostPages::shared_page(std::uint64_t offset) {
    const std::uint64_t number = offset / kPage;
    if (Page* page = find_page(number)) return page->bytes->data();
    const Ref<OpenFile> held{this};
    auto bytes = std::make_unique<Bytes>();
    if (read_host(file_->host_fd(), bytes->data(), kPage, number * kPage) <= 0) return nullptr;
    // Another thread may have been faster, and a program stored something since.
    if (Page* page = find_page(number)) return page->bytes->data();
    Page* next = find_page(number, true);
    const auto at = next == nullptr ? pages_.end() : pages_.begin() + (next - pages_.data());
    const Digest digest = digest_of(*bytes);
    return pages_.insert(at, {number, std::move(bytes), digest})->bytes->data();
}

// Not beyond the file's end.
std::int64_t HostPages::write_page(std::uint64_t number, const Bytes& bytes, std::uint64_t end) {
    const std::uint64_t offset = number * kPage, size = std::min(kPage, end - std::min(end, offset));
    for (std::uint64_t done = 0; done < size;) {
        const std::int64_t count =
            forward(C::kPwrite, file_->host_fd(), bytes.data() + done, size - done, offset + done);
        if (count <= 0) return count < 0 ? count : -EIO;
        done += static_cast<std::uint64_t>(count);
    }
    return 0;
}

std::int64_t HostPages::write_back(std::uint64_t offset, std::uint64_t size) {
    const std::uint64_t last = (offset + std::min<std::uint64_t>(size, ~offset)) / kPage;
    std::int64_t result = 0;
    std::uint64_t end = 0;
    bool is_known = false;
    const auto copy = std::make_unique<Bytes>();
    for (std::uint64_t number = offset / kPage; Page* page = find_page(number, true); number++) {
        number = page->number;
        if (number > last) break;
        // A program may store meanwhile.
        *copy = *page->bytes;
        const Digest digest = digest_of(*copy);
        if (digest == page->at_host) continue;
        struct stat info;
        if (!std::exchange(is_known, true)) {
            result = file_->stat(info);
            if (result != 0) return result;
            end = static_cast<std::uint64_t>(info.st_size);
        }
        const std::int64_t written = write_page(number, *copy, end);
        if (written != 0) {
            result = result == 0 ? written : result;
        } else if (Page* now = find_page(number)) {
            now->at_host = digest;
        }
    }
    return result;
}

void HostPages::changed(std::uint64_t offset, const Buffers& from, std::uint64_t size) {
    for (std::uint64_t done = 0; done < size;) {
        const std::uint64_t at = (offset + done) % kPage, step = std::min(kPage - at, size - done);
        if (Page* page = find_page((offset + done) / kPage)) from.read(done, page->bytes->data() + at, step);
        done += step;
    }
}

void HostPages::cut(std::uint64_t size) {
    for (Page& page : pages_) {
        const std::uint64_t kept = std::min(kPage, size - std::min(size, page.number * kPage));
        std::memset(page.bytes->data() + kept, 0, kPage - kept);
    }
}

void AllHostPages::write_back() {
    const std::vector<HostPages*> present = all;
    for (HostPages* each : present) {
        if (std::find(all.begin(), all.end(), each) == all.end()) continue;  // gone meanwhile
        const Ref<HostPages> held{each};
        each->write_back(0, ~0ull);
    }
}

}  // namespace enclavisor::runtime
