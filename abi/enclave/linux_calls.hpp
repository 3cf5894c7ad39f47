// THE table of Linux calls: every number of x86-64, its name, and what the
// runtime does about it. The dispatch, the summary of unsupported calls, what
// `enclavisor trace` says of calls, and docs/linux-calls.md derive from it.
//
//   INSIDE     answered inside the enclave, by sys_<name> in runtime/calls/
//   FORWARDED  checked, translated, and sent to the host unless the file is the
//              enclave's own; by sys_<name>
//   ABSENT     answered -ENOSYS, counted and named in the summary
#pragma once

// clang-format off
#define ENCLAVISOR_LINUX_CALLS(INSIDE, FORWARDED, ABSENT) \
    FORWARDED(0, read) FORWARDED(1, write) FORWARDED(2, open) FORWARDED(3, close) FORWARDED(4, stat) \
    FORWARDED(5, fstat) FORWARDED(6, lstat) FORWARDED(7, poll) FORWARDED(8, lseek) INSIDE(9, mmap) \
    INSIDE(10, mprotect) INSIDE(11, munmap) INSIDE(12, brk) INSIDE(13, rt_sigaction) \
    INSIDE(14, rt_sigprocmask) INSIDE(15, rt_sigreturn) FORWARDED(16, ioctl) FORWARDED(17, pread64) \
    FORWARDED(18, pwrite64) FORWARDED(19, readv) FORWARDED(20, writev) FORWARDED(21, access) \
    INSIDE(22, pipe) FORWARDED(23, select) INSIDE(24, sched_yield) INSIDE(25, mremap) INSIDE(26, msync) \
    INSIDE(27, mincore) INSIDE(28, madvise) INSIDE(29, shmget) INSIDE(30, shmat) INSIDE(31, shmctl) \
    INSIDE(32, dup) INSIDE(33, dup2) INSIDE(34, pause) INSIDE(35, nanosleep) INSIDE(36, getitimer) \
    INSIDE(37, alarm) INSIDE(38, setitimer) INSIDE(39, getpid) FORWARDED(40, sendfile) \
    FORWARDED(41, socket) FORWARDED(42, connect) FORWARDED(43, accept) FORWARDED(44, sendto) \
    FORWARDED(45, recvfrom) FORWARDED(46, sendmsg) FORWARDED(47, recvmsg) FORWARDED(48, shutdown) \
    FORWARDED(49, bind) FORWARDED(50, listen) FORWARDED(51, getsockname) FORWARDED(52, getpeername) \
    INSIDE(53, socketpair) FORWARDED(54, setsockopt) FORWARDED(55, getsockopt) INSIDE(56, clone) \
    INSIDE(57, fork) INSIDE(58, vfork) INSIDE(59, execve) INSIDE(60, exit) INSIDE(61, wait4) \
    INSIDE(62, kill) INSIDE(63, uname) ABSENT(64, semget) ABSENT(65, semop) ABSENT(66, semctl) \
    INSIDE(67, shmdt) ABSENT(68, msgget) ABSENT(69, msgsnd) ABSENT(70, msgrcv) ABSENT(71, msgctl) \
    INSIDE(72, fcntl) FORWARDED(73, flock) FORWARDED(74, fsync) FORWARDED(75, fdatasync) \
    FORWARDED(76, truncate) FORWARDED(77, ftruncate) ABSENT(78, getdents) INSIDE(79, getcwd) \
    FORWARDED(80, chdir) FORWARDED(81, fchdir) FORWARDED(82, rename) FORWARDED(83, mkdir) \
    FORWARDED(84, rmdir) FORWARDED(85, creat) FORWARDED(86, link) FORWARDED(87, unlink) \
    FORWARDED(88, symlink) FORWARDED(89, readlink) FORWARDED(90, chmod) FORWARDED(91, fchmod) \
    FORWARDED(92, chown) FORWARDED(93, fchown) FORWARDED(94, lchown) FORWARDED(95, umask) \
    INSIDE(96, gettimeofday) INSIDE(97, getrlimit) INSIDE(98, getrusage) INSIDE(99, sysinfo) \
    INSIDE(100, times) ABSENT(101, ptrace) INSIDE(102, getuid) ABSENT(103, syslog) INSIDE(104, getgid) \
    INSIDE(105, setuid) INSIDE(106, setgid) INSIDE(107, geteuid) INSIDE(108, getegid) INSIDE(109, setpgid) \
    INSIDE(110, getppid) INSIDE(111, getpgrp) INSIDE(112, setsid) INSIDE(113, setreuid) \
    INSIDE(114, setregid) INSIDE(115, getgroups) INSIDE(116, setgroups) INSIDE(117, setresuid) \
    INSIDE(118, getresuid) INSIDE(119, setresgid) INSIDE(120, getresgid) INSIDE(121, getpgid) \
    INSIDE(122, setfsuid) INSIDE(123, setfsgid) INSIDE(124, getsid) INSIDE(125, capget) \
    INSIDE(126, capset) INSIDE(127, rt_sigpending) INSIDE(128, rt_sigtimedwait) \
    INSIDE(129, rt_sigqueueinfo) INSIDE(130, rt_sigsuspend) INSIDE(131, sigaltstack) FORWARDED(132, utime) \
    FORWARDED(133, mknod) ABSENT(134, uselib) INSIDE(135, personality) ABSENT(136, ustat) \
    FORWARDED(137, statfs) FORWARDED(138, fstatfs) ABSENT(139, sysfs) INSIDE(140, getpriority) \
    INSIDE(141, setpriority) INSIDE(142, sched_setparam) INSIDE(143, sched_getparam) \
    INSIDE(144, sched_setscheduler) INSIDE(145, sched_getscheduler) INSIDE(146, sched_get_priority_max) \
    INSIDE(147, sched_get_priority_min) INSIDE(148, sched_rr_get_interval) INSIDE(149, mlock) \
    INSIDE(150, munlock) INSIDE(151, mlockall) INSIDE(152, munlockall) ABSENT(153, vhangup) \
    ABSENT(154, modify_ldt) ABSENT(155, pivot_root) ABSENT(156, _sysctl) INSIDE(157, prctl) \
    INSIDE(158, arch_prctl) ABSENT(159, adjtimex) INSIDE(160, setrlimit) ABSENT(161, chroot) \
    FORWARDED(162, sync) ABSENT(163, acct) ABSENT(164, settimeofday) ABSENT(165, mount) \
    ABSENT(166, umount2) ABSENT(167, swapon) ABSENT(168, swapoff) ABSENT(169, reboot) \
    ABSENT(170, sethostname) ABSENT(171, setdomainname) ABSENT(172, iopl) ABSENT(173, ioperm) \
    ABSENT(174, create_module) ABSENT(175, init_module) ABSENT(176, delete_module) \
    ABSENT(177, get_kernel_syms) ABSENT(178, query_module) ABSENT(179, quotactl) ABSENT(180, nfsservctl) \
    ABSENT(181, getpmsg) ABSENT(182, putpmsg) ABSENT(183, afs_syscall) ABSENT(184, tuxcall) \
    ABSENT(185, security) INSIDE(186, gettid) INSIDE(187, readahead) INSIDE(188, setxattr) \
    INSIDE(189, lsetxattr) INSIDE(190, fsetxattr) INSIDE(191, getxattr) INSIDE(192, lgetxattr) \
    INSIDE(193, fgetxattr) INSIDE(194, listxattr) INSIDE(195, llistxattr) INSIDE(196, flistxattr) \
    INSIDE(197, removexattr) INSIDE(198, lremovexattr) INSIDE(199, fremovexattr) INSIDE(200, tkill) \
    INSIDE(201, time) INSIDE(202, futex) INSIDE(203, sched_setaffinity) INSIDE(204, sched_getaffinity) \
    ABSENT(205, set_thread_area) ABSENT(206, io_setup) ABSENT(207, io_destroy) ABSENT(208, io_getevents) \
    ABSENT(209, io_submit) ABSENT(210, io_cancel) ABSENT(211, get_thread_area) ABSENT(212, lookup_dcookie) \
    INSIDE(213, epoll_create) ABSENT(214, epoll_ctl_old) ABSENT(215, epoll_wait_old) \
    ABSENT(216, remap_file_pages) FORWARDED(217, getdents64) INSIDE(218, set_tid_address) \
    ABSENT(219, restart_syscall) ABSENT(220, semtimedop) FORWARDED(221, fadvise64) \
    INSIDE(222, timer_create) INSIDE(223, timer_settime) INSIDE(224, timer_gettime) \
    INSIDE(225, timer_getoverrun) INSIDE(226, timer_delete) ABSENT(227, clock_settime) \
    INSIDE(228, clock_gettime) INSIDE(229, clock_getres) INSIDE(230, clock_nanosleep) \
    INSIDE(231, exit_group) FORWARDED(232, epoll_wait) FORWARDED(233, epoll_ctl) INSIDE(234, tgkill) \
    FORWARDED(235, utimes) ABSENT(236, vserver) ABSENT(237, mbind) ABSENT(238, set_mempolicy) \
    ABSENT(239, get_mempolicy) ABSENT(240, mq_open) ABSENT(241, mq_unlink) ABSENT(242, mq_timedsend) \
    ABSENT(243, mq_timedreceive) ABSENT(244, mq_notify) ABSENT(245, mq_getsetattr) ABSENT(246, kexec_load) \
    INSIDE(247, waitid) ABSENT(248, add_key) ABSENT(249, request_key) ABSENT(250, keyctl) \
    ABSENT(251, ioprio_set) ABSENT(252, ioprio_get) FORWARDED(253, inotify_init) \
    FORWARDED(254, inotify_add_watch) FORWARDED(255, inotify_rm_watch) ABSENT(256, migrate_pages) \
    FORWARDED(257, openat) FORWARDED(258, mkdirat) FORWARDED(259, mknodat) FORWARDED(260, fchownat) \
    FORWARDED(261, futimesat) FORWARDED(262, newfstatat) FORWARDED(263, unlinkat) FORWARDED(264, renameat) \
    FORWARDED(265, linkat) FORWARDED(266, symlinkat) FORWARDED(267, readlinkat) FORWARDED(268, fchmodat) \
    FORWARDED(269, faccessat) FORWARDED(270, pselect6) FORWARDED(271, ppoll) INSIDE(272, unshare) \
    INSIDE(273, set_robust_list) INSIDE(274, get_robust_list) FORWARDED(275, splice) INSIDE(276, tee) \
    FORWARDED(277, sync_file_range) INSIDE(278, vmsplice) ABSENT(279, move_pages) \
    FORWARDED(280, utimensat) FORWARDED(281, epoll_pwait) INSIDE(282, signalfd) INSIDE(283, timerfd_create) \
    INSIDE(284, eventfd) FORWARDED(285, fallocate) INSIDE(286, timerfd_settime) \
    INSIDE(287, timerfd_gettime) FORWARDED(288, accept4) INSIDE(289, signalfd4) INSIDE(290, eventfd2) \
    INSIDE(291, epoll_create1) INSIDE(292, dup3) INSIDE(293, pipe2) FORWARDED(294, inotify_init1) \
    FORWARDED(295, preadv) FORWARDED(296, pwritev) INSIDE(297, rt_tgsigqueueinfo) \
    ABSENT(298, perf_event_open) FORWARDED(299, recvmmsg) ABSENT(300, fanotify_init) \
    ABSENT(301, fanotify_mark) INSIDE(302, prlimit64) ABSENT(303, name_to_handle_at) \
    ABSENT(304, open_by_handle_at) ABSENT(305, clock_adjtime) FORWARDED(306, syncfs) FORWARDED(307, sendmmsg) \
    ABSENT(308, setns) INSIDE(309, getcpu) ABSENT(310, process_vm_readv) ABSENT(311, process_vm_writev) \
    ABSENT(312, kcmp) ABSENT(313, finit_module) INSIDE(314, sched_setattr) INSIDE(315, sched_getattr) \
    FORWARDED(316, renameat2) ABSENT(317, seccomp) INSIDE(318, getrandom) INSIDE(319, memfd_create) \
    ABSENT(320, kexec_file_load) ABSENT(321, bpf) INSIDE(322, execveat) ABSENT(323, userfaultfd) \
    INSIDE(324, membarrier) INSIDE(325, mlock2) FORWARDED(326, copy_file_range) FORWARDED(327, preadv2) \
    FORWARDED(328, pwritev2) INSIDE(329, pkey_mprotect) INSIDE(330, pkey_alloc) INSIDE(331, pkey_free) \
    FORWARDED(332, statx) ABSENT(333, io_pgetevents) INSIDE(334, rseq) ABSENT(424, pidfd_send_signal) \
    ABSENT(425, io_uring_setup) ABSENT(426, io_uring_enter) ABSENT(427, io_uring_register) \
    ABSENT(428, open_tree) ABSENT(429, move_mount) ABSENT(430, fsopen) ABSENT(431, fsconfig) \
    ABSENT(432, fsmount) ABSENT(433, fspick) ABSENT(434, pidfd_open) INSIDE(435, clone3) \
    INSIDE(436, close_range) ABSENT(437, openat2) ABSENT(438, pidfd_getfd) FORWARDED(439, faccessat2) \
    ABSENT(440, process_madvise) FORWARDED(441, epoll_pwait2) ABSENT(442, mount_setattr) \
    ABSENT(443, quotactl_fd) ABSENT(444, landlock_create_ruleset) ABSENT(445, landlock_add_rule) \
    ABSENT(446, landlock_restrict_self) ABSENT(447, memfd_secret) ABSENT(448, process_mrelease) \
    ABSENT(449, futex_waitv) ABSENT(450, set_mempolicy_home_node) ABSENT(451, cachestat) \
    ABSENT(452, fchmodat2) ABSENT(453, map_shadow_stack) ABSENT(454, futex_wake) ABSENT(455, futex_wait) \
    ABSENT(456, futex_requeue) ABSENT(457, statmount) ABSENT(458, listmount) \
    ABSENT(459, lsm_get_self_attr) ABSENT(460, lsm_set_self_attr) ABSENT(461, lsm_list_modules) \
    ABSENT(462, mseal)
// clang-format on

namespace enclavisor::abi {

inline constexpr int kLinuxCallLimit = 463;  // above every number

}  // namespace enclavisor::abi
