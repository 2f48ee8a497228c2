use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use burn::tensor::Device;
use rayon::ThreadPoolBuilder;

/// Returns the number of items that [`par_map`] processes concurrently on a device: the number of
/// threads on the CPU, 1 on a device that parallelizes each operation. Inside [`par_map`] it is 1.
pub fn parallelism(device: &Device) -> usize {
    if is_cpu(device) { rayon::current_num_threads() } else { 1 }
}

/// Applies a function to each item, [`parallelism`] items at a time, and returns the results in the
/// order of the items.
///
/// Each item is computed by a single thread from start to end. Threads that share every operation
/// would wait for each other at every operation, and most tensor operations use only one thread.
///
/// # Panics
///
/// When the function panics.
pub fn par_map<I: Send, O: Send>(
    device: &Device,
    items: Vec<I>,
    map: impl Fn(I) -> O + Sync,
) -> Vec<O> {
    let threads = parallelism(device).min(items.len());
    if threads < 2 {
        return items.into_iter().map(map).collect();
    }
    let mut results: Vec<Option<O>> = items.iter().map(|_| None).collect();
    let pending = Mutex::new(items.into_iter().zip(&mut results));
    // The lock is only held to take the next item, which can't panic.
    let next = || pending.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((item, result)) = next() {
            *result = Some(map(item));
        }
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map_while(|_| {
                let in_pool = || match ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(pool) => pool.install(work),
                    // In the global pool the results are the same, only slower.
                    Err(_) => work(),
                };
                thread::Builder::new().spawn_scoped(scope, in_pool).ok()
            })
            .collect();
        if started.is_empty() {
            // The system has no memory or no identifier left for a thread.
            work();
        }
        for thread in started {
            if let Err(panic) = thread.join() {
                resume_unwind(panic);
            }
        }
    });
    results.into_iter().map(|result| result.expect("invariant: every item is processed")).collect()
}

/// Returns whether a device is the CPU, with or without autodiff. Its tensors are in the memory of
/// this process.
///
/// Without the feature `flex`, the result is always `false`.
pub fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    {
        *device == Device::flex()
    }
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_items() {
        let squares = par_map(&Device::flex(), (0..100).collect(), |item: usize| {
            thread::sleep(std::time::Duration::from_micros((item % 7 * 50) as u64));
            item * item
        });
        assert_eq!(squares, (0..100).map(|item| item * item).collect::<Vec<_>>());
        assert!(par_map(&Device::flex(), Vec::<usize>::new(), |item| item).is_empty());
    }

    #[test]
    fn autodiff_does_not_change_parallelism() {
        assert_eq!(parallelism(&Device::flex().autodiff()), parallelism(&Device::flex()));
    }

    #[test]
    fn nested_calls_are_sequential() {
        let device = Device::flex();
        if parallelism(&device) > 1 {
            let within = par_map(&device, vec![(), ()], |()| parallelism(&Device::flex()));
            assert_eq!(within, [1, 1]);
        }
    }

    #[test]
    #[should_panic(expected = "three")]
    fn panics_reach_the_caller() {
        par_map(&Device::flex(), vec![1, 2, 3, 4], |item| assert_ne!(item, 3, "three"));
    }
}
