// Open files and directories of tmpfs.
#pragma once

#include "runtime/files/tmpfs.hpp"

namespace enclavisor::runtime {

void fill_stat(const Node& node, struct stat& info);
void fill_tmpfs_statfs(struct statfs& info);

// What files and directories have in common. `Base` is the kind of open file.
template <typename Base>
class TmpfsOpen : public Base {
public:
    template <typename... Arguments>
    TmpfsOpen(Tmpfs& files, Ref<Node> node, Arguments&&... arguments)
        : Base{std::forward<Arguments>(arguments)...}, files_{&files}, node_{std::move(node)} {}

    std::int64_t stat(struct stat& info) override {
        fill_stat(*node_, info);
        return 0;
    }
    std::int64_t stat_file_system(struct statfs& info) override {
        fill_tmpfs_statfs(info);
        return 0;
    }
    std::int64_t change_mode(mode_t mode) override {
        node_->info.st_mode = (node_->info.st_mode & S_IFMT) | (mode & 07777);
        return 0;
    }
    std::int64_t change_owner(uid_t uid, gid_t gid) override {
        if (uid != ~0u) node_->info.st_uid = uid;
        if (gid != ~0u) node_->info.st_gid = gid;
        return 0;
    }
    std::int64_t set_times(const timespec* times) override {
        set_node_times(*node_, times, files_->now());
        return 0;
    }

protected:
    Tmpfs* files_;
    Ref<Node> node_;
};

class TmpfsFile : public TmpfsOpen<PositionedFile> {
public:
    using TmpfsOpen::TmpfsOpen;
    bool can_share() const override { return true; }
    std::byte* shared_page(std::uint64_t offset) override { return node_->contents.show(offset / 4096); }
    std::int64_t truncate(std::uint64_t) override;
    std::int64_t allocate(int mode, std::uint64_t offset, std::uint64_t size) override;

protected:
    std::uint64_t size() const override { return node_->contents.size(); }
    std::int64_t read_at(const Buffers& to, std::uint64_t offset) override {
        return node_->contents.read(to, offset);
    }
    std::int64_t write_at(const Buffers& from, std::uint64_t offset) override;
};

// One without a name in the file system (memfd_create, shared memory).
class UnnamedFile final : public TmpfsFile {
public:
    template <typename... Arguments>
    explicit UnnamedFile(std::string name, Arguments&&... arguments)
        : TmpfsFile{std::forward<Arguments>(arguments)...}, name_{std::move(name)} {}
    std::string name() const override { return name_; }

private:
    std::string name_;
};

class TmpfsDirectory final : public TmpfsOpen<DirectoryFile> {
public:
    using TmpfsOpen::TmpfsOpen;

protected:
    std::vector<Entry> collect() override;
};

}  // namespace enclavisor::runtime
