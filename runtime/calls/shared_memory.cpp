// Memory that processes share: memfd_create and System V's segments. Both are files of the
// enclave's own without a name; nothing of them is ever the host's.
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "runtime/calls/call.hpp"
#include "runtime/support/text.hpp"

namespace enclavisor::runtime {
namespace {

// --- memfd -------------------------------------------------------------------

std::int64_t sys_memfd_create(Address name_at, unsigned flags) {
    constexpr std::size_t kMostName = 250;
    if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING)) return -EINVAL;
    char name[kMostName];
    const long size = guarded_string(name, reinterpret_cast<const char*>(name_at), sizeof(name));
    if (size < 0) return -EFAULT;
    if (static_cast<std::size_t>(size) == sizeof(name)) return -EINVAL;
    const std::string_view text{name, static_cast<std::size_t>(size)};
    return process().files->add(system().names.unnamed_file(0, 0777, join("/memfd:", text, " (deleted)")),
                                flags & MFD_CLOEXEC);
}

// --- System V shared memory ----------------------------------------------------

constexpr std::uint64_t kMostBytes = 1ull << 40;
constexpr std::size_t kMostSegments = 4096;

std::uint64_t attached(const SharedSegment& segment) {
    std::uint64_t count = 0;
    system().processes.for_each([&](const Process& each) {
        std::uint64_t last_end = 0;
        for (const Area& area : each.memory->areas().all()) {
            if (area.file != segment.pages->id()) continue;
            // Parts of one mapping lie side by side.
            if (area.offset == 0 || area.range.begin != last_end) count++;
            last_end = area.range.end;
        }
        return false;
    });
    return count;
}

// What was removed while it was attached goes with its last mapping.
void forget_removed() {
    std::erase_if(system().segments, [](const SharedSegment& segment) {
        return (segment.info.shm_perm.mode & SHM_DEST) && attached(segment) == 0;
    });
}

SharedSegment* find_segment(std::int32_t id) {
    forget_removed();
    for (SharedSegment& segment : system().segments) {
        if (segment.id == id) return &segment;
    }
    return nullptr;
}

std::int64_t seconds_now() {
    return system().clock.now(ClockKind::kWall).tv_sec;
}

std::int64_t sys_shmget(std::int32_t key, std::uint64_t size, int flags) {
    forget_removed();
    auto& segments = system().segments;
    if (key != IPC_PRIVATE) {
        for (const SharedSegment& segment : segments) {
            if (segment.info.shm_perm.__key != key || (segment.info.shm_perm.mode & SHM_DEST)) continue;
            if ((flags & IPC_CREAT) && (flags & IPC_EXCL)) return -EEXIST;
            return size > segment.info.shm_segsz ? -EINVAL : std::int64_t{segment.id};
        }
        if (!(flags & IPC_CREAT)) return -ENOENT;
    }
    if (size == 0 || size > kMostBytes) return -EINVAL;
    if (size > process().memory->limit()) return -ENOMEM;
    if (segments.size() >= kMostSegments) return -ENOSPC;
    SharedSegment made{};
    made.id = system().next_segment++;
    made.pages =
        system().names.unnamed_file(size, 0600, join("/SYSV", static_cast<std::uint32_t>(key), " (deleted)"));
    made.info.shm_perm.__key = key;
    made.info.shm_perm.mode = static_cast<mode_t>(flags & 0777);
    made.info.shm_perm.uid = made.info.shm_perm.cuid = process().euid;
    made.info.shm_perm.gid = made.info.shm_perm.cgid = process().egid;
    made.info.shm_segsz = size;
    made.info.shm_ctime = seconds_now();
    made.info.shm_cpid = static_cast<std::int32_t>(process().pid);
    segments.push_back(made);
    return made.id;
}

std::int64_t sys_shmat(std::int32_t id, std::uint64_t address, int flags) {
    SharedSegment* segment = find_segment(id);
    if (segment == nullptr) return -EINVAL;
    if (address % abi::kPageSize != 0) {
        if (!(flags & SHM_RND)) return -EINVAL;
        address -= address % abi::kPageSize;
    }
    if (address == 0 && (flags & SHM_REMAP)) return -EINVAL;
    const int protection =
        PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
    const int fixed = address == 0 ? 0 : flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    const std::int64_t at = process().memory->map(address, segment->info.shm_segsz, protection,
                                                  MAP_SHARED | fixed, segment->pages.get(), 0);
    if (at == -EEXIST) return -EINVAL;
    if (at >= 0) {
        segment->info.shm_atime = seconds_now();
        segment->info.shm_lpid = static_cast<std::int32_t>(process().pid);
    }
    return at;
}

std::int64_t sys_shmdt(std::uint64_t address) {
    Memory& memory = *process().memory;
    const Area* area = memory.areas().find(address);
    if (area == nullptr || area->range.begin != address || area->offset != 0) return -EINVAL;
    for (SharedSegment& segment : system().segments) {
        if (segment.pages->id() != area->file) continue;
        segment.info.shm_dtime = seconds_now();
        segment.info.shm_lpid = static_cast<std::int32_t>(process().pid);
        const std::int64_t error = memory.unmap(address, segment.info.shm_segsz);
        forget_removed();
        return error;
    }
    return -EINVAL;
}

std::int64_t sys_shmctl(std::int32_t id, int command, Address buffer) {
    if (command == IPC_INFO) {
        shminfo limits{};
        limits.shmmax = limits.shmall = kMostBytes;
        limits.shmmin = 1;
        limits.shmmni = limits.shmseg = kMostSegments;
        return put(buffer, limits);
    }
    SharedSegment* segment = find_segment(id);
    if (segment == nullptr) return -EINVAL;
    shmid_ds info;
    switch (command) {
        case IPC_STAT:
            segment->info.shm_nattch = attached(*segment);
            return put(buffer, segment->info);
        case IPC_SET:
            if (!get(buffer, info)) return -EFAULT;
            segment->info.shm_perm.uid = info.shm_perm.uid;
            segment->info.shm_perm.gid = info.shm_perm.gid;
            segment->info.shm_perm.mode =
                (segment->info.shm_perm.mode & ~0777u) | (info.shm_perm.mode & 0777);
            segment->info.shm_ctime = seconds_now();
            return 0;
        case IPC_RMID:
            segment->info.shm_perm.mode |= SHM_DEST;
            segment->info.shm_perm.__key = IPC_PRIVATE;
            forget_removed();
            return 0;
        case SHM_LOCK:
        case SHM_UNLOCK:
            return 0;
        default:
            return -EINVAL;
    }
}

}  // namespace

ENCLAVISOR_CALL(memfd_create)
ENCLAVISOR_CALL(shmget)
ENCLAVISOR_CALL(shmat)
ENCLAVISOR_CALL(shmdt)
ENCLAVISOR_CALL(shmctl)

}  // namespace enclavisor::runtime
