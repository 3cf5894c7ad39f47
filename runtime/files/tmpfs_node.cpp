// What lies behind tmpfs's names: contents, and open files and directories.
#include <dirent.h>
#include <sys/stat.h>

#include <cstring>

#include "runtime/files/tmpfs.hpp"
#include "runtime/files/tmpfs_open.hpp"
#include "runtime/memory/shown_page.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kMaxFileSize = 1ull << 40;

}  // namespace

std::byte* Blob::show(std::uint64_t page) {
    if (page >= (size_ + kPage - 1) / kPage) return nullptr;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (!pages_[page]) {
        pages_[page] = std::make_unique<Page>();
        present_++;
    }
    shown_ = true;
    return pages_[page]->data();
}

void Blob::resize(std::uint64_t size) {
    if (size < size_) {
        const std::uint64_t whole = (size + kPage - 1) / kPage;
        // Where a program still sees a page, it is not to see what the heap makes of it.
        for (std::uint64_t i = whole; shown_ && i < pages_.size(); i++) {
            if (pages_[i]) replace_page(pages_[i]->data());
        }
        for (std::uint64_t i = whole; i < pages_.size(); i++) present_ -= pages_[i] != nullptr;
        if (pages_.size() > whole) pages_.resize(whole);
        const std::uint64_t rest = size % kPage;
        if (rest != 0 && whole <= pages_.size() && pages_[whole - 1]) {
            std::memset(pages_[whole - 1]->data() + rest, 0, kPage - rest);
        }
    }
    size_ = size;
}

std::int64_t Blob::read(const Buffers& to, std::uint64_t offset) const {
    static constexpr Page kZeros{};
    if (offset >= size_) return 0;
    const std::uint64_t count = std::min(to.size(), size_ - offset);
    for (std::uint64_t done = 0; done < count;) {
        const std::uint64_t page = (offset + done) / kPage, at = (offset + done) % kPage;
        const std::uint64_t step = std::min(kPage - at, count - done);
        const Page& source = page < pages_.size() && pages_[page] ? *pages_[page] : kZeros;
        if (!to.write(done, source.data() + at, step))
            return done > 0 ? static_cast<std::int64_t>(done) : -EFAULT;
        done += step;
    }
    return static_cast<std::int64_t>(count);
}

std::int64_t Blob::write(const Buffers& from, std::uint64_t offset) {
    if (offset > kMaxFileSize || from.size() > kMaxFileSize - offset) return -EFBIG;
    for (std::uint64_t done = 0; done < from.size();) {
        const std::uint64_t page = (offset + done) / kPage, at = (offset + done) % kPage;
        const std::uint64_t step = std::min(kPage - at, from.size() - done);
        if (page >= pages_.size()) pages_.resize(page + 1);
        if (!pages_[page]) {
            pages_[page] = std::make_unique<Page>();
            present_++;
        }
        if (!from.read(done, pages_[page]->data() + at, step))
            return done > 0 ? static_cast<std::int64_t>(done) : -EFAULT;
        done += step;
        size_ = std::max(size_, offset + done);
    }
    return static_cast<std::int64_t>(from.size());
}

void set_node_times(Node& node, const timespec* times, timespec now) {
    auto set = [&](timespec& field, const timespec& value) {
        if (value.tv_nsec == UTIME_OMIT) return;
        field = value.tv_nsec == UTIME_NOW ? now : value;
    };
    const timespec both[2] = {now, now};
    if (times == nullptr) times = both;
    set(node.info.st_atim, times[0]);
    set(node.info.st_mtim, times[1]);
    node.info.st_ctim = now;
}

void fill_stat(const Node& node, struct stat& info) {
    info = node.info;
    if (S_ISREG(info.st_mode)) info.st_size = static_cast<off_t>(node.contents.size());
    if (S_ISLNK(info.st_mode)) info.st_size = static_cast<off_t>(node.target.size());
    info.st_blksize = 4096;
    info.st_blocks = static_cast<blkcnt_t>(node.contents.pages() * 8);
}

void fill_tmpfs_statfs(struct statfs& info) {
    info = {};
    info.f_type = 0x01021994;  // TMPFS_MAGIC
    info.f_bsize = 4096;
    info.f_frsize = 4096;
    info.f_namelen = 255;
}

std::int64_t TmpfsFile::write_at(const Buffers& from, std::uint64_t offset) {
    const std::int64_t count = node_->contents.write(from, offset);
    if (count > 0) node_->info.st_mtim = node_->info.st_ctim = files_->now();
    return count;
}

std::int64_t TmpfsFile::truncate(std::uint64_t size) {
    if (!writable()) return -EINVAL;
    if (size > kMaxFileSize) return -EFBIG;
    node_->contents.resize(size);
    node_->info.st_mtim = node_->info.st_ctim = files_->now();
    return 0;
}

std::int64_t TmpfsFile::allocate(int mode, std::uint64_t offset, std::uint64_t size) {
    if (mode != 0) return -EOPNOTSUPP;
    if (offset > kMaxFileSize || size > kMaxFileSize - offset) return -EFBIG;
    if (offset + size > node_->contents.size()) node_->contents.resize(offset + size);
    return 0;
}

std::vector<Entry> TmpfsDirectory::collect() {
    std::vector<Entry> entries;
    const Node* parent = node_->parent != nullptr ? node_->parent : node_.get();
    entries.push_back({".", node_->info.st_ino, DT_DIR});
    entries.push_back({"..", parent->info.st_ino, DT_DIR});
    for (const Node::Child& child : node_->children) {
        entries.push_back({child.name, child.node->info.st_ino,
                           static_cast<std::uint8_t>(IFTODT(child.node->info.st_mode))});
    }
    return entries;
}

}  // namespace enclavisor::runtime
