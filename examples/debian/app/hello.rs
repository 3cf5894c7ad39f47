// Threads, channels, maps, formatting, a panic that is caught.
use std::collections::BTreeMap;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

fn main() {
    let counts = Arc::new(Mutex::new(BTreeMap::new()));
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..4u64)
        .map(|i| {
            let (counts, sender) = (counts.clone(), sender.clone());
            thread::spawn(move || {
                let sum: u64 = (0..100_000 * (i + 1)).filter(|n| n % 7 == i).sum();
                *counts.lock().unwrap().entry(sum % 3).or_insert(0) += 1;
                sender.send(sum).unwrap();
            })
        })
        .collect();
    drop(sender);
    let mut sums: Vec<u64> = receiver.iter().collect();
    for worker in workers {
        worker.join().unwrap();
    }
    sums.sort();
    println!("{:?} {:?}", sums, counts.lock().unwrap());
    std::panic::set_hook(Box::new(|_| {}));
    println!("panicked: {}", std::panic::catch_unwind(|| sums[100]).is_err());
    std::process::exit(7);
}
