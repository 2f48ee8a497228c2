use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use burn::tensor::Device;
use rayon::ThreadPoolBuilder;

/// Number of pieces that work is best divided into on a device: the processor's cores, or one on a device that is parallel by
/// itself. Within such a piece it is one.
pub fn parallelism(device: &Device) -> usize {
    if is_cpu(device) { rayon::current_num_threads() } else { 1 }
}

/// What a function makes of each item, in the order of the items, as many at a time as the device has [`parallelism`].
///
/// Each piece is computed on one core from its beginning to its end. Cores that share every operation wait for each other at
/// every operation; and most operations on tensors are done by one core alone.
///
/// # Panics
///
/// When the function does.
pub fn par_map<I: Send, O: Send>(
    device: &Device,
    items: Vec<I>,
    make: impl Fn(I) -> O + Sync,
) -> Vec<O> {
    let workers = parallelism(device).min(items.len());
    if workers < 2 {
        return items.into_iter().map(make).collect();
    }
    let mut made: Vec<Option<O>> = items.iter().map(|_| None).collect();
    let left = Mutex::new(items.into_iter().zip(&mut made));
    // The lock is held for the next item only, which cannot fail.
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((item, place)) = next() {
            *place = Some(make(item));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| match ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(alone) => alone.install(work),
                    // Without a pool of its own the worker shares the cores: slower, and the same.
                    Err(_) => work(),
                })
            })
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                resume_unwind(panic);
            }
        }
    });
    made.into_iter().map(|made| made.expect("each item was taken by a worker")).collect()
}

/// Whether a device is the processor, with autodiff or without: there the numbers of a tensor lie in this program's memory.
///
/// The processor is what the feature `flex` computes on; without it there is none.
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
    fn results_come_in_the_order_of_the_items() {
        let squares = par_map(&Device::flex(), (0..100).collect(), |item: usize| {
            thread::sleep(std::time::Duration::from_micros((item % 7 * 50) as u64));
            item * item
        });
        assert_eq!(squares, (0..100).map(|item| item * item).collect::<Vec<_>>());
        assert!(par_map(&Device::flex(), Vec::<usize>::new(), |item| item).is_empty());
    }

    #[test]
    fn a_device_with_autodiff_is_the_processor_too() {
        assert_eq!(parallelism(&Device::flex().autodiff()), parallelism(&Device::flex()));
    }

    #[test]
    fn a_piece_is_not_divided_again() {
        let device = Device::flex();
        if parallelism(&device) > 1 {
            let within = par_map(&device, vec![(), ()], |()| parallelism(&Device::flex()));
            assert_eq!(within, [1, 1]);
        }
    }

    #[test]
    #[should_panic(expected = "three")]
    fn a_panic_is_the_callers() {
        par_map(&Device::flex(), vec![1, 2, 3, 4], |item| assert_ne!(item, 3, "three"));
    }
}
