#include "runtime/files/tmpfs.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "runtime/files/path.hpp"
#include "runtime/files/tmpfs_open.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::size_t kMaxName = 255;

std::size_t position_of(const Node& directory, std::string_view name) {
    const auto found = std::partition_point(directory.children.begin(), directory.children.end(),
                                            [&](const Node::Child& child) { return child.name < name; });
    return static_cast<std::size_t>(found - directory.children.begin());
}

Node* child_of(const Node& directory, std::string_view name) {
    const std::size_t i = position_of(directory, name);
    return i < directory.children.size() && directory.children[i].name == name
               ? directory.children[i].node.get()
               : nullptr;
}

void attach(Node& directory, std::string_view name, Ref<Node> node) {
    if (node->is_directory()) {
        node->parent = &directory;
        directory.info.st_nlink++;
    }
    const std::size_t i = position_of(directory, name);
    directory.children.insert(directory.children.begin() + static_cast<std::ptrdiff_t>(i),
                              {std::string{name}, std::move(node)});
}

// Removes the name; the node lives on while it is open or has other names.
void detach(Node& directory, std::string_view name) {
    const std::size_t i = position_of(directory, name);
    Node& node = *directory.children[i].node;
    if (node.is_directory()) {
        node.parent = nullptr;
        directory.info.st_nlink--;
    }
    directory.children.erase(directory.children.begin() + static_cast<std::ptrdiff_t>(i));
}

}  // namespace

Tmpfs::Tmpfs(std::uint64_t device, uid_t uid, gid_t gid, Clock clock)
    : device_{device}, uid_{uid}, gid_{gid}, clock_{clock}, root_{make(S_IFDIR | 01777)} {}

Ref<Node> Tmpfs::make(mode_t mode) {
    Ref<Node> node = make_ref<Node>();
    node->info.st_dev = device_;
    node->info.st_ino = next_inode_++;
    node->info.st_mode = mode;
    node->info.st_nlink = S_ISDIR(mode) ? 2 : 1;
    node->info.st_uid = uid_;
    node->info.st_gid = gid_;
    node->info.st_atim = node->info.st_mtim = node->info.st_ctim = clock_();
    return node;
}

Ref<OpenFile> Tmpfs::make_unnamed(int flags, mode_t mode, std::uint64_t size, std::string name) {
    Ref<Node> node = make(S_IFREG | mode);
    node->info.st_nlink = 0;
    node->contents.resize(size);
    return Ref<OpenFile>{new UnnamedFile(std::move(name), *this, std::move(node), flags)};
}

Node* Tmpfs::find(std::string_view path, std::int64_t& error) {
    Node* node = root_.get();
    path.remove_prefix(1);
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        if (!node->is_directory()) {
            error = -ENOTDIR;
            return nullptr;
        }
        node = child_of(*node, path.substr(0, slash));
        if (node == nullptr) {
            error = -ENOENT;
            return nullptr;
        }
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    return node;
}

Node* Tmpfs::parent_of(std::string_view path, std::int64_t& error) {
    if (base_name(path).size() > kMaxName) {
        error = -ENAMETOOLONG;
        return nullptr;
    }
    Node* parent = find(parent_path(path), error);
    if (parent != nullptr && !parent->is_directory()) {
        error = -ENOTDIR;
        return nullptr;
    }
    return parent;
}

std::optional<FileSystem::Followed> Tmpfs::follow(std::string_view path, bool last_too) {
    Node* node = root_.get();
    std::size_t at = 0;  // of the slash before the part in question
    while (at < path.size() && path.size() > 1) {
        const std::size_t slash = std::min(path.find('/', at + 1), path.size());
        if (!node->is_directory()) return std::nullopt;
        node = child_of(*node, path.substr(at + 1, slash - at - 1));
        if (node == nullptr) return std::nullopt;
        if (node->is_link() && (last_too || slash < path.size())) {
            return Followed{std::string{path.substr(0, at)}, node->target + std::string{path.substr(slash)}};
        }
        at = slash;
    }
    return std::nullopt;
}

Opened Tmpfs::open(const Place& place, int flags, mode_t mode) {
    std::int64_t error = 0;
    Ref<Node> node{find(place.path, error)};
    if (!node) {
        if (error != -ENOENT || !(flags & O_CREAT)) return failed(error);
        if (place.names_directory) return failed(-EISDIR);
        node = make(S_IFREG | (mode & 07777));
        if (error = add(place, node); error != 0) return failed(error);
    } else if ((flags & O_CREAT) && (flags & O_EXCL)) {
        return failed(-EEXIST);
    }
    if (node->is_link()) return failed(flags & O_PATH ? -EINVAL : -ELOOP);
    if (node->is_directory()) {
        if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT)) return failed(-EISDIR);
        return Ref<OpenFile>{new TmpfsDirectory(*this, node, flags, place.enclave_path)};
    }
    if ((flags & O_DIRECTORY) || place.names_directory) return failed(-ENOTDIR);
    if (!S_ISREG(node->info.st_mode)) return failed(-ENXIO);
    if (flags & O_TRUNC) node->contents.resize(0);
    return Ref<OpenFile>{new TmpfsFile(*this, node, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC))};
}

std::int64_t Tmpfs::add(const Place& place, Ref<Node> node) {
    std::int64_t error = 0;
    if (place.path == "/") return -EEXIST;
    Node* parent = parent_of(place.path, error);
    if (parent == nullptr) return error;
    if (child_of(*parent, base_name(place.path)) != nullptr) return -EEXIST;
    parent->info.st_mtim = parent->info.st_ctim = clock_();
    attach(*parent, base_name(place.path), std::move(node));
    return 0;
}

std::int64_t Tmpfs::stat(const Place& place, int, struct stat& info) {
    std::int64_t error = 0;
    const Node* node = find(place.path, error);
    if (node == nullptr) return error;
    if (place.names_directory && !node->is_directory()) return -ENOTDIR;
    fill_stat(*node, info);
    return 0;
}

std::int64_t Tmpfs::access(const Place& place, int mode, int) {
    std::int64_t error = 0;
    const Node* node = find(place.path, error);
    if (node == nullptr) return error;
    if ((mode & X_OK) && !(node->info.st_mode & 0111)) return -EACCES;
    return 0;
}

std::int64_t Tmpfs::read_link(const Place& place, std::string& target) {
    std::int64_t error = 0;
    const Node* node = find(place.path, error);
    if (node == nullptr) return error;
    if (!node->is_link()) return -EINVAL;
    target = node->target;
    return 0;
}

std::int64_t Tmpfs::stat_file_system(const Place&, struct statfs& info) {
    fill_tmpfs_statfs(info);
    return 0;
}

std::int64_t Tmpfs::make_directory(const Place& place, mode_t mode) {
    return add(place, make(S_IFDIR | (mode & 07777)));
}

std::int64_t Tmpfs::make_link(std::string_view target, const Place& place) {
    if (target.empty()) return -ENOENT;
    Ref<Node> node = make(S_IFLNK | 0777);
    node->target = target;
    return add(place, node);
}

std::int64_t Tmpfs::make_node(const Place& place, mode_t mode, std::uint64_t) {
    if ((mode & S_IFMT) == 0) mode |= S_IFREG;
    if (!S_ISREG(mode)) return -EPERM;
    return add(place, make(mode));
}

std::int64_t Tmpfs::unlink(const Place& place, int flags) {
    std::int64_t error = 0;
    Ref<Node> node{find(place.path, error)};
    if (!node) return error;
    if (flags & AT_REMOVEDIR) {
        if (!node->is_directory()) return -ENOTDIR;
        if (!node->children.empty()) return -ENOTEMPTY;
        if (node.get() == root_.get()) return -EBUSY;
    } else if (node->is_directory()) {
        return -EISDIR;
    }
    node->info.st_nlink -= node->is_directory() ? 2 : 1;
    Node* parent = parent_of(place.path, error);
    detach(*parent, base_name(place.path));
    parent->info.st_mtim = parent->info.st_ctim = clock_();
    return 0;
}

std::int64_t Tmpfs::rename(const Place& from, const Place& to, unsigned flags) {
    constexpr unsigned kNoReplace = 1;
    if (flags & ~kNoReplace) return -EINVAL;
    std::int64_t error = 0;
    Ref<Node> node{find(from.path, error)};
    if (!node) return error;
    Node* target_parent = parent_of(to.path, error);
    if (target_parent == nullptr) return error;
    if (from.path == "/" || to.path == "/") return -EBUSY;
    if (node->is_directory() && from.path != to.path && path_within(to.path, from.path)) return -EINVAL;
    if (Node* old = child_of(*target_parent, base_name(to.path))) {
        if (flags & kNoReplace) return -EEXIST;
        if (old == node.get()) return 0;
        if (old->is_directory() && !node->is_directory()) return -EISDIR;
        if (!old->is_directory() && node->is_directory()) return -ENOTDIR;
        error = unlink(to, old->is_directory() ? AT_REMOVEDIR : 0);
        if (error != 0) return error;
    }
    detach(*parent_of(from.path, error), base_name(from.path));
    attach(*target_parent, base_name(to.path), node);
    node->info.st_ctim = clock_();
    return 0;
}

std::int64_t Tmpfs::link(const Place& from, const Place& to, int) {
    std::int64_t error = 0;
    Ref<Node> node{find(from.path, error)};
    if (!node) return error;
    if (node->is_directory()) return -EPERM;
    error = add(to, node);
    if (error == 0) node->info.st_nlink++;
    return error;
}

std::int64_t Tmpfs::change_mode(const Place& place, mode_t mode, int) {
    std::int64_t error = 0;
    Node* node = find(place.path, error);
    if (node == nullptr) return error;
    node->info.st_mode = (node->info.st_mode & S_IFMT) | (mode & 07777);
    return 0;
}

std::int64_t Tmpfs::change_owner(const Place& place, uid_t uid, gid_t gid, int) {
    std::int64_t error = 0;
    Node* node = find(place.path, error);
    if (node == nullptr) return error;
    if (uid != ~0u) node->info.st_uid = uid;
    if (gid != ~0u) node->info.st_gid = gid;
    return 0;
}

std::int64_t Tmpfs::set_times(const Place& place, const timespec* times, int) {
    std::int64_t error = 0;
    Node* node = find(place.path, error);
    if (node == nullptr) return error;
    set_node_times(*node, times, clock_());
    return 0;
}

std::int64_t Tmpfs::truncate(const Place& place, std::uint64_t size) {
    std::int64_t error = 0;
    Node* node = find(place.path, error);
    if (node == nullptr) return error;
    if (node->is_directory()) return -EISDIR;
    if (size > 1ull << 40) return -EFBIG;
    node->contents.resize(size);
    return 0;
}

}  // namespace enclavisor::runtime
