//! The optimizer's state in a checkpoint.
//!
//! Burn creates tensors of the ranks and shapes that the file claims, and panics in the next step
//! if they are not those of the parameters. So the file is compared with the parameters before it
//! is loaded.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::ModuleOptimizer;
use burn::tensor::{Bytes, DType, Tensor};
use burn_pack::{Reader, Scalar};
use mtpt_io::fs::read;

use crate::error::Result;
use crate::output::error::CheckpointError;

/// Field of a parameter's state that has the parameter's rank.
const RANK: &str = "__rank";

/// Maximum number of steps of a parameter, which optimizers increase and raise to powers.
const MAX_STEPS: u64 = i32::MAX as u64 - 1;

/// Loads the state of an optimizer of a module's parameters.
///
/// # Errors
///
/// [`CheckpointError::OptimizerState`] when the file is malformed, or a state is not one of a
/// parameter of the module.
pub(crate) fn load<M: Module>(
    optimizer: ModuleOptimizer,
    module: &M,
    path: &Path,
) -> Result<ModuleOptimizer> {
    let failed =
        |message: String| CheckpointError::OptimizerState { path: path.to_owned(), message };
    let bytes = read(path)?;
    let mut shapes = Shapes::default();
    module.visit(&mut shapes);
    check(&bytes, &shapes.0).map_err(failed)?;
    let loaded = optimizer.from_bytes(Bytes::from_bytes_vec(bytes));
    Ok(loaded.map_err(|error| failed(error.to_string()))?)
}

/// The shapes of a module's parameters by their ids.
#[derive(Default)]
struct Shapes(BTreeMap<u64, Vec<usize>>);

impl ModuleVisitor for Shapes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.insert(param.id.val(), param.lazy_shape().to_vec());
    }
}

/// Checks every tensor and number of a file against the shapes of the parameters.
fn check(bytes: &[u8], shapes: &BTreeMap<u64, Vec<usize>>) -> Result<(), String> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()));
    let reader = reader.map_err(|error| error.to_string())?;
    for (name, number) in reader.scalars() {
        check_number(name, *number, shapes)?;
    }
    for tensor in reader.into_tensors().map_err(|error| error.to_string())? {
        let (name, dtype, shape, id, _) = tensor.into_parts().map_err(|error| error.to_string())?;
        let parameter = parameter_of(&name, shapes)?;
        let fits = |(found, of_parameter)| found == of_parameter || found == 1;
        let (found, expected) = (shape.as_slice().to_vec(), &parameter.shape);
        let is_of_parameter = found.len() == expected.len()
            && found.iter().copied().zip(expected.iter().copied()).all(fits);
        if id != Some(parameter.id) || dtype != DType::F32 || !is_of_parameter {
            return Err(other_run(&format!(
                "`{name}` is a tensor of {} {found:?}, its parameter is one of f32 {expected:?}",
                dtype.name()
            )));
        }
    }
    Ok(())
}

/// Checks a number of a parameter's state: its rank, or the number of its steps.
fn check_number(
    name: &str,
    number: Scalar,
    shapes: &BTreeMap<u64, Vec<usize>>,
) -> Result<(), String> {
    let parameter = parameter_of(name, shapes)?;
    let is_valid = match u64::try_from(number) {
        Ok(rank) if name.ends_with(RANK) => rank == parameter.shape.len() as u64,
        Ok(steps) => steps <= MAX_STEPS,
        Err(_) => false,
    };
    if is_valid { Ok(()) } else { Err(other_run(&format!("`{name}` is {number:?}"))) }
}

struct Parameter {
    id: u64,
    shape: Vec<usize>,
}

/// Returns the parameter of a name that starts with its id.
fn parameter_of(name: &str, shapes: &BTreeMap<u64, Vec<usize>>) -> Result<Parameter, String> {
    let id = name.split('.').next().and_then(|id| id.parse().ok());
    id.and_then(|id| Some(Parameter { id, shape: shapes.get(&id)?.clone() }))
        .ok_or_else(|| other_run(&format!("`{name}` belongs to no parameter of this run")))
}

/// Completes the description of a state that is not one of this run.
fn other_run(problem: &str) -> String {
    format!("{problem}; remove the checkpoint to resume from the one before it")
}

#[cfg(test)]
mod tests {
    use burn::tensor::Shape;
    use burn_pack::{Tensor as Stored, Writer};

    use super::*;

    /// A file with the first moment of parameter 1, `[2, 3]`, and the given numbers.
    fn file(name: &str, shape: Vec<usize>, numbers: &[(&str, Scalar)]) -> Vec<u8> {
        let bytes = Bytes::from_bytes_vec(vec![0; shape.iter().product::<usize>() * 4]);
        let tensor = Stored::new(name.to_owned(), DType::F32, Shape::from(shape), Some(1), bytes);
        let writer = Writer::new(vec![tensor]);
        let writer =
            numbers.iter().fold(writer, |writer, (key, value)| writer.with_scalar(key, *value));
        writer.into_bytes().unwrap().to_vec()
    }

    #[test]
    fn states_of_other_parameters_are_rejected() {
        let shapes = BTreeMap::from([(1, vec![2, 3])]);
        let numbers = |rank: u64, time: u64| {
            [("1.__rank", Scalar::UInt(rank)), ("1.momentum.time", Scalar::UInt(time))]
        };
        let check = |name: &str, shape: &[usize], numbers: &[(&str, Scalar)]| {
            check(&file(name, shape.to_vec(), numbers), &shapes)
        };
        check("1.momentum.moment_1", &[2, 3], &numbers(2, 5)).unwrap();
        // The factored moments of Adafactor.
        check("1.second_moment", &[2, 1], &numbers(2, 5)).unwrap();
        for (name, shape, numbers, expected) in [
            ("1.momentum.moment_1", &[3, 2][..], numbers(2, 5), "[3, 2], its parameter"),
            ("1.momentum.moment_1", &[6], numbers(2, 5), "[6], its parameter is one of f32 [2, 3]"),
            ("2.momentum.moment_1", &[2, 3], numbers(2, 5), "`2.momentum.moment_1` belongs to no"),
            ("moment_1", &[2, 3], numbers(2, 5), "`moment_1` belongs to no parameter"),
            ("1.momentum.moment_1", &[2, 3], numbers(3, 5), "`1.__rank` is UInt(3)"),
            ("1.momentum.moment_1", &[2, 3], numbers(2, u64::MAX), "`1.momentum.time` is UInt("),
        ] {
            let problem = check(name, shape, &numbers).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
        let not_a_number = [("1.momentum.time", Scalar::Float(1e308))];
        check("1.momentum.moment_1", &[2, 3], &not_a_number).unwrap_err();
    }

    #[test]
    fn malformed_files_are_rejected() {
        let whole = file("1.momentum.moment_1", vec![2, 3], &[]);
        for length in 0..whole.len() {
            check(&whole[..length], &BTreeMap::new()).unwrap_err();
        }
    }
}
