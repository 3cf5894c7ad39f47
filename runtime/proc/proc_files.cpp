#include "runtime/proc/proc_files.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>

#include "runtime/files/host_file.hpp"
#include "runtime/files/memory_file.hpp"
#include "runtime/files/path.hpp"
#include "runtime/proc/proc_text.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::string_view kProc = "/proc", kDescriptors = "fd/";

enum class Kind { kNothing, kFolder, kLink, kText };

std::optional<std::uint32_t> descriptor_of(const ProcName& name) {
    if (!name.rest.starts_with(kDescriptors)) return std::nullopt;
    const auto number = parse_number(std::string_view{name.rest}.substr(kDescriptors.size()));
    if (!number || name.process->files->find(*number) == nullptr) return std::nullopt;
    return number;
}

Kind kind_of(const ProcName& name) {
    if (name.process == nullptr) return Kind::kNothing;
    const std::string& rest = name.rest;
    if (rest.empty() || rest == "fd" || (rest == "task" && !name.of_thread)) return Kind::kFolder;
    if (rest == "exe" || rest == "cwd" || rest == "root" || descriptor_of(name)) return Kind::kLink;
    return has_process_text(rest) ? Kind::kText : Kind::kNothing;
}

// `name`: what the path names, parsed.
Kind kind_of(std::string_view path, const std::optional<ProcName>& name) {
    if (path == kProc) return Kind::kFolder;
    if (name) return kind_of(*name);
    return has_proc_text(path) ? Kind::kText : Kind::kNothing;
}

// Whose memory or files it would tell of (ptrace(2), "Ptrace access mode checking").
bool is_private(const ProcName& name) {
    const std::string& rest = name.rest;
    return rest.starts_with("fd") || rest == "exe" || rest == "cwd" || rest == "root" || rest == "environ" ||
           rest == "maps";
}

bool may_see(const std::optional<ProcName>& name) {
    return !name || name->process == nullptr || !is_private(*name) || name->process == &process() ||
           process().may_inspect(*name->process);
}

class ProcText final : public PositionedFile {
public:
    ProcText(int flags, std::string path) : PositionedFile{flags}, path_{std::move(path)} {}
    std::int64_t stat(struct stat& info) override { return stat_proc(path_, 0, info); }
    bool can_map() override { return false; }
    std::string path() const override { return path_; }

protected:
    std::uint64_t size() const override { return 0; }
    // What is true when it is read from its beginning.
    std::int64_t read_at(const Buffers& to, std::uint64_t offset) override {
        if (offset == 0 && !collect()) return -ESRCH;
        if (offset >= text_.size()) return 0;
        const std::uint64_t count = std::min<std::uint64_t>(to.size(), text_.size() - offset);
        return to.write(0, text_.data() + offset, count) ? static_cast<std::int64_t>(count) : -EFAULT;
    }

private:
    bool collect() {
        const auto name = parse_proc_name(path_);
        if (name && name->process == nullptr) return false;
        text_ = name ? process_text(*name) : proc_text(path_);
        return true;
    }

    std::string path_, text_;
};

class ProcFolder final : public DirectoryFile {
public:
    using DirectoryFile::DirectoryFile;
    std::int64_t stat(struct stat& info) override { return stat_proc(path(), 0, info); }

protected:
    std::vector<Entry> collect() override {
        entries_ = {{".", 1, DT_DIR}, {"..", 1, DT_DIR}};
        const auto name = parse_proc_name(path());
        if (!name) {
            list_all();
        } else if (name->process != nullptr) {
            list(*name);
        }
        return std::move(entries_);
    }

private:
    void add(std::string name, std::uint8_t type) {
        const std::uint64_t inode = describe(join(path(), "/", name), 0, process()).st_ino;
        entries_.push_back({std::move(name), inode, type});
    }
    void add_numbers(std::vector<std::uint32_t> numbers) {
        std::sort(numbers.begin(), numbers.end());
        for (const std::uint32_t number : numbers) add(join(number), DT_DIR);
    }
    void list_all() {
        for (const std::string_view text : proc_text_names()) add(std::string{text}, DT_REG);
        for (const char* link : {"self", "thread-self"}) add(link, DT_LNK);
        std::vector<std::uint32_t> numbers;
        system().processes.for_each([&](const Process& each) {
            numbers.push_back(each.pid);
            return false;
        });
        add_numbers(std::move(numbers));
    }
    void list(const ProcName& name) {
        if (name.rest == "fd") {
            const Descriptors& files = *name.process->files;
            for (std::uint64_t fd = 0; fd < files.size(); fd++) {
                if (files.find(fd) != nullptr) add(join(fd), DT_LNK);
            }
        } else if (name.rest == "task") {
            std::vector<std::uint32_t> numbers;
            system().threads.for_each(*name.process, [&](const Thread& each) {
                numbers.push_back(each.id);
                return false;
            });
            add_numbers(std::move(numbers));
        } else {
            for (const std::string_view text : process_text_names()) add(std::string{text}, DT_REG);
            for (const char* link : {"cwd", "exe", "root"}) add(link, DT_LNK);
            add("fd", DT_DIR);
            if (!name.of_thread) add("task", DT_DIR);
        }
    }

    std::vector<Entry> entries_;
};

}  // namespace

bool has_proc_name(std::string_view path) {
    return path == kProc || has_proc_text(path) || parse_proc_name(path);
}

struct stat describe(std::string_view path, mode_t mode, const Credentials& owner, dev_t device) {
    struct stat info {};
    info.st_dev = 0x7eff;
    info.st_ino = 0xcbf29ce484222325;  // FNV-1a: who walks the tree tells loops by it
    for (const char c : path) info.st_ino = (info.st_ino ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    info.st_mode = mode;
    info.st_nlink = 1;
    info.st_rdev = device;
    info.st_blksize = 4096;
    info.st_uid = owner.euid;
    info.st_gid = owner.egid;
    info.st_atim = info.st_mtim = info.st_ctim = system().clock.now(ClockKind::kWall);
    return info;
}

Opened open_proc(std::string_view path, int flags) {
    const auto name = parse_proc_name(path);
    const Kind kind = kind_of(path, name);
    if (kind == Kind::kNothing) return failed(-ENOENT);
    if (!may_see(name)) return failed(-EACCES);
    if (kind == Kind::kLink) {
        if ((flags & O_NOFOLLOW) && !(flags & O_PATH)) return failed(-ELOOP);
        if (const auto fd = descriptor_of(*name)) {
            Ref<OpenFile> file = name->process->files->hold(*fd);
            if (!file) return failed(-ENOENT);
            return file;
        }
        std::string target;
        if (const std::int64_t error = read_proc_link(path, target); error != 0) return failed(error);
        Place next;
        if (const std::int64_t error = system().names.resolve(nullptr, target, true, next); error != 0) {
            return failed(error);
        }
        return next.files->open(next, flags, 0);
    }
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    if (kind == Kind::kFolder) {
        if (writes) return failed(-EISDIR);
        return Ref<OpenFile>{new ProcFolder(flags, canonical_proc_name(path))};
    }
    if (flags & O_DIRECTORY) return failed(-ENOTDIR);
    if (writes) return failed(-EACCES);
    return Ref<OpenFile>{new ProcText(flags, canonical_proc_name(path))};
}

std::int64_t stat_proc(std::string_view path, int flags, struct stat& info) {
    if ((path == "/proc/self" || path == "/proc/thread-self") && (flags & AT_SYMLINK_NOFOLLOW)) {
        info = describe(path, S_IFLNK | 0777, process());
        return 0;
    }
    const auto name = parse_proc_name(path);
    const Kind kind = kind_of(path, name);
    if (kind == Kind::kNothing) return -ENOENT;
    if (kind == Kind::kLink && !(flags & AT_SYMLINK_NOFOLLOW)) {
        const auto file = open_proc(path, O_RDONLY | O_PATH);
        return file.ok() ? file.value()->stat(info) : file.error();
    }
    const Credentials& owner = name ? static_cast<const Credentials&>(*name->process) : Credentials{};
    const mode_t rest = name && is_private(*name) ? 0 : 0055;
    const mode_t mode = kind == Kind::kFolder ? S_IFDIR | 0500 | rest
                        : kind == Kind::kLink ? S_IFLNK | 0700
                                              : S_IFREG | 0400 | (rest & 0044);
    info = describe(canonical_proc_name(path), mode, owner);
    return 0;
}

std::int64_t read_proc_link(std::string_view path, std::string& target) {
    if (path == "/proc/self" || path == "/proc/thread-self") {
        target = canonical_proc_name(path).substr(kProc.size() + 1);
        return 0;
    }
    const auto name = parse_proc_name(path);
    const Kind kind = kind_of(path, name);
    if (kind != Kind::kLink) return kind == Kind::kNothing ? -ENOENT : -EINVAL;
    if (!may_see(name)) return -EACCES;
    if (name->rest == "exe") {
        if (name->process->zombie) return -ENOENT;
        target = name->process->executable;
    } else if (name->rest == "root") {
        target = "/";
    } else if (name->rest == "cwd") {
        const Ref<Directory> directory = name->process->directory;
        return system().names.working_directory(*directory, target);
    } else {
        const Ref<OpenFile> file = name->process->files->hold(*descriptor_of(*name));
        if (!file) return -ENOENT;
        if (file->host_fd() >= 0) return host_path_of(*file, target);
        target = file->name().empty() ? "anon_inode:[enclave]" : file->name();
    }
    return 0;
}

}  // namespace enclavisor::runtime
