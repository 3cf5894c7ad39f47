#include "host/lib/worker_pool.hpp"

namespace enclavisor::host {

WorkerPool::WorkerPool(unsigned threads) {
    for (unsigned i = 0; i < threads; i++) threads_.emplace_back([queue = queue_] { queue->run(); });
}

WorkerPool::~WorkerPool() {
    {
        std::lock_guard guard{queue_->mutex};
        queue_->ending = true;
    }
    queue_->changed.notify_all();
    for (auto& thread : threads_) {
        if (thread.get_id() == std::this_thread::get_id()) {
            thread.detach();  // it ends by itself
        } else {
            thread.join();
        }
    }
}

void WorkerPool::perform(std::function<void()> job) {
    {
        std::lock_guard guard{queue_->mutex};
        queue_->jobs.push_back(std::move(job));
    }
    queue_->changed.notify_one();
}

void WorkerPool::Queue::run() {
    std::unique_lock lock{mutex};
    for (;;) {
        changed.wait(lock, [this] { return ending || !jobs.empty(); });
        if (jobs.empty()) return;
        auto job = std::move(jobs.front());
        jobs.pop_front();
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
    }
}

}  // namespace enclavisor::host
