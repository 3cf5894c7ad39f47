// A file system in the enclave's own memory: what is in it never leaves the VM.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "runtime/files/file_system.hpp"
#include "runtime/files/memory_file.hpp"

namespace enclavisor::runtime {

// Contents of a file, in pages; pages never written are absent and read as zero.
class Blob {
public:
    std::uint64_t size() const { return size_; }
    void resize(std::uint64_t size);
    // Bytes done, or -EFAULT.
    std::int64_t read(const Buffers& to, std::uint64_t offset) const;
    std::int64_t write(const Buffers& from, std::uint64_t offset);
    std::uint64_t pages() const { return present_; }
    // The page of that number, to be shown in programs; null: beyond the end.
    std::byte* show(std::uint64_t page);

private:
    static constexpr std::uint64_t kPage = 4096;
    using Page = std::array<std::byte, kPage>;  // the runtime's heap aligns it to a page

    std::uint64_t size_ = 0;
    std::uint64_t present_ = 0;
    bool shown_ = false;
    std::vector<std::unique_ptr<Page>> pages_;
};

struct Node final : Counted {
    struct Child {
        std::string name;
        Ref<Node> node;
    };

    struct stat info {};
    Blob contents;                // regular file
    std::vector<Child> children;  // directory; sorted by name
    std::string target;           // symbolic link
    Node* parent = nullptr;       // directory

    bool is_directory() const { return S_ISDIR(info.st_mode); }
    bool is_link() const { return S_ISLNK(info.st_mode); }
};

class Tmpfs final : public FileSystem {
public:
    // What a node's owner and times are taken from; a clock so that tests have one.
    using Clock = timespec (*)();
    Tmpfs(std::uint64_t device, uid_t uid, gid_t gid, Clock clock);

    Opened open(const Place&, int flags, mode_t) override;
    std::int64_t stat(const Place&, int flags, struct stat&) override;
    std::int64_t access(const Place&, int mode, int flags) override;
    std::int64_t read_link(const Place&, std::string&) override;
    std::int64_t stat_file_system(const Place&, struct statfs&) override;
    std::int64_t make_directory(const Place&, mode_t) override;
    std::int64_t unlink(const Place&, int flags) override;
    std::int64_t rename(const Place&, const Place&, unsigned flags) override;
    std::int64_t link(const Place&, const Place&, int flags) override;
    std::int64_t make_link(std::string_view target, const Place&) override;
    std::int64_t make_node(const Place&, mode_t, std::uint64_t device) override;
    std::int64_t change_mode(const Place&, mode_t, int flags) override;
    std::int64_t change_owner(const Place&, uid_t, gid_t, int flags) override;
    std::int64_t set_times(const Place&, const timespec*, int flags) override;
    std::int64_t truncate(const Place&, std::uint64_t) override;
    std::optional<Followed> follow(std::string_view path, bool last_too) override;

    // A file without a name.
    Ref<OpenFile> make_unnamed(int flags, mode_t mode, std::uint64_t size, std::string name);

    // The node at a path without symbolic links on it; null: the error.
    Node* find(std::string_view path, std::int64_t& error);
    timespec now() const { return clock_(); }

private:
    Ref<Node> make(mode_t mode);
    // The directory that has or would have the last part of `path`.
    Node* parent_of(std::string_view path, std::int64_t& error);
    std::int64_t add(const Place& place, Ref<Node> node);

    std::uint64_t device_;
    uid_t uid_;
    gid_t gid_;
    Clock clock_;
    ino_t next_inode_ = 1;
    Ref<Node> root_;
};

// Shared by open files and by name: the attribute changes of a node.
void set_node_times(Node& node, const timespec* times, timespec now);

}  // namespace enclavisor::runtime
