//! From a folder to a project: which files are read, in which order, and what
//! an error in one of them takes away from the result.
//!
//! Start with [`Project::load`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::Check;
use crate::config::{self, PROJECT};
use crate::diagnostic::{self, Diagnostic, Place};
use crate::file::{is_there, read, shown};
use crate::fill::{Variables, dotenv};
use crate::keys::{STACK, VERSION};
use crate::lower::{self, Context};
use crate::model::{Config, Project, Stack};
use crate::names::{ProjectId, StackName, as_label};
use crate::ports::{self, Published};
use crate::tree::{Node, Value, merge, parse};

/// The folder of a project that its stacks lie in.
const STACKS: &str = "stacks";
/// The file of a stack.
const FILE: &str = "stack.toml";
/// The file that goes over it.
const LOCAL: &str = "stack.local.toml";
/// The file that fills variables, beside either.
const ENV: &str = ".env";
/// The file of the project.
const CONFIG: &str = "hob.toml";

/// The project cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Neither the folder nor one above it holds a `stacks` folder.
    #[error("no folder `stacks` in {}", crate::near::listed(looked.iter().map(String::as_str)))]
    Missing {
        /// Where it was looked for, the innermost first.
        looked: Vec<String>,
    },
    /// The folder to begin with cannot be read.
    #[error("cannot look for a project in `{path}`")]
    Start {
        /// The folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl FindError {
    /// What to do about it; what to type stands in backticks.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { .. } => vec![
                "name the project's folder: `--project DIR`".to_owned(),
                "or create `stacks/NAME/stack.toml` here".to_owned(),
            ],
            Self::Start { .. } => vec!["name the project's folder: `--project DIR`".to_owned()],
        }
    }
}

/// What came of reading a project.
pub struct Loaded {
    /// The project with all stacks that have no error; none when something
    /// that all stacks depend on is in error.
    pub project: Option<Project>,
    /// The folders below `stacks` whose stack is in error.
    pub failed: Vec<String>,
    /// All there is to tell, in the order of files and places.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was read, or would have been if it were there: what to
    /// watch for changes of the model.
    pub files: Vec<PathBuf>,
    trees: BTreeMap<StackName, Node>,
}

/// The raw trees stay out of `{:?}`: they may hold secrets.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("failed", &self.failed)
            .field("diagnostics", &self.diagnostics)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// Whether any diagnostic is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// The stack file after `stack.local.toml` and `.env`, as TOML that
    /// stands for the same stack but for the secrets, which are masked. None
    /// for a stack that is not there or in error.
    #[must_use]
    pub fn effective(&self, stack: &StackName) -> Option<String> {
        self.trees.get(stack).map(crate::effective::print)
    }
}

impl Project {
    /// The project's folder: the first one from `start` upwards that has a
    /// folder `stacks`.
    ///
    /// # Errors
    /// There is none, or `start` is not there.
    pub fn find(start: &Path) -> Result<PathBuf, FindError> {
        let start = start.canonicalize().map_err(|source| FindError::Start {
            path: start.display().to_string(),
            source,
        })?;
        let found = start.ancestors().find(|dir| dir.join(STACKS).is_dir());
        found.map(Path::to_owned).ok_or_else(|| FindError::Missing {
            looked: start.ancestors().map(|d| d.display().to_string()).collect(),
        })
    }

    /// Reads the project in a folder and every stack below its `stacks`.
    /// `environment` is what `${VAR}` is filled from before `.env` files.
    #[must_use]
    pub fn load(root: &Path, environment: &BTreeMap<String, String>) -> Loaded {
        let mut loaded = Loaded {
            project: None,
            failed: Vec::new(),
            diagnostics: Vec::new(),
            files: Vec::new(),
            trees: BTreeMap::new(),
        };
        let (root, folders) = match folders(root) {
            Ok(found) => found,
            Err(diagnostic) => {
                loaded.diagnostics.push(*diagnostic);
                return loaded;
            }
        };
        let mut reader = Reader {
            root: &root,
            files: Vec::new(),
            report: Vec::new(),
        };
        let env = reader.env(&root);
        let config = reader.config(&Variables(vec![environment, &env]));
        let whole_failed = reader.report.iter().any(Diagnostic::is_error);
        let mut stacks = BTreeMap::new();
        let mut published = Vec::new();
        for folder in folders {
            let before = reader.report.len();
            let parsed = reader.stack(&folder, &config, environment, &env);
            let failed = reader.report[before..].iter().any(Diagnostic::is_error);
            match parsed {
                Some((stack, ports, tree)) if !failed => {
                    published.extend(ports);
                    loaded.trees.insert(stack.name.clone(), tree);
                    stacks.insert(stack.name.clone(), stack);
                }
                _ if failed => loaded.failed.push(folder.to_string_lossy().into_owned()),
                _ => {}
            }
        }
        ports::between_stacks(&published, &mut reader.report);
        loaded.diagnostics = reader.report;
        loaded.files = reader.files;
        diagnostic::sort(&mut loaded.diagnostics);
        loaded.project = (!whole_failed).then(|| Self {
            id: ProjectId::of(&root),
            root,
            config,
            stacks,
        });
        loaded
    }
}

/// The canonical root, and the names of the folders below its `stacks`, sorted.
fn folders(root: &Path) -> Result<(PathBuf, Vec<OsString>), Box<Diagnostic>> {
    let told = |path: &Path, reason: &dyn fmt::Display| {
        let place = whole(path, path.display().to_string());
        let message = format!("cannot read `{}`: {reason}", path.display());
        Box::new(
            Diagnostic::error(message, place)
                .hint("name the project's folder: `--project DIR`")
                .hint("or create `stacks/NAME/stack.toml` there"),
        )
    };
    let canonical = root.canonicalize().map_err(|error| told(root, &error))?;
    let stacks = canonical.join(STACKS);
    let mut folders = Vec::new();
    for entry in stacks.read_dir().map_err(|error| told(&stacks, &error))? {
        let entry = entry.map_err(|error| told(&stacks, &error))?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && entry.path().is_dir() {
            folders.push(name);
        }
    }
    folders.sort();
    Ok((canonical, folders))
}

fn whole(path: &Path, shown: String) -> Place {
    Place {
        file: Arc::new(diagnostic::SourceFile {
            path: path.to_owned(),
            shown,
            text: String::new(),
            private: false,
        }),
        span: None,
    }
}

/// Reads a project's files and keeps what there is to tell.
struct Reader<'a> {
    root: &'a Path,
    files: Vec<PathBuf>,
    report: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// A file's tree; none when it is not there or was told to be in error.
    fn tree(&mut self, path: PathBuf) -> Option<Node> {
        let there = is_there(&path);
        self.files.push(path.clone());
        if !there {
            return None;
        }
        match read(self.root, &path, false) {
            Ok(file) => match parse(&file) {
                Ok(node) => return Some(node),
                Err(errors) => self.report.extend(errors),
            },
            Err(diagnostic) => self.report.push(*diagnostic),
        }
        None
    }

    fn env(&mut self, dir: &Path) -> BTreeMap<String, String> {
        let path = dir.join(ENV);
        self.files.push(path.clone());
        // A folder `.env` is some tool's, as Python's virtual environments.
        if !is_there(&path) || path.is_dir() {
            return BTreeMap::new();
        }
        match read(self.root, &path, true) {
            Ok(file) => dotenv(&file, &mut self.report),
            Err(diagnostic) => {
                self.report.push(*diagnostic);
                BTreeMap::new()
            }
        }
    }

    fn config(&mut self, variables: &Variables<'_>) -> Config {
        let Some(mut tree) = self.tree(self.root.join(CONFIG)) else {
            return Config::default();
        };
        let mut check = Check {
            variables,
            report: &mut self.report,
        };
        check.node("", &mut tree, &PROJECT);
        let fields = tree.fields(&PROJECT);
        self.report
            .extend(fields.into_iter().flat_map(config::hides));
        fields.map(config::lower).unwrap_or_default()
    }

    /// The stack in a folder; none when there is none, or when an error kept
    /// it from being read.
    fn stack(
        &mut self,
        folder: &OsStr,
        config: &Config,
        environment: &BTreeMap<String, String>,
        root_env: &BTreeMap<String, String>,
    ) -> Option<(Stack, Vec<Published>, Node)> {
        let dir = self.root.join(STACKS).join(folder);
        let (path, local) = (dir.join(FILE), dir.join(LOCAL));
        if !is_there(&path) {
            if is_there(&local) {
                let place = whole(&local, shown(self.root, &local));
                self.report.push(
                    Diagnostic::error(format!("`{LOCAL}` without `{FILE}`"), place)
                        .label("it only overrides")
                        .hint(format!("create `{FILE}` beside it")),
                );
            }
            self.files.push(path);
            return None;
        }
        let tree = self.tree(path.clone());
        let over = self.tree(local);
        let env = self.env(&dir);
        let mut tree = tree?;
        self.version(&tree, over.as_ref())?;
        if let Some(over) = over {
            merge(&mut tree, over, &STACK);
        }
        let variables = Variables(vec![environment, &env, root_env]);
        let mut check = Check {
            variables: &variables,
            report: &mut self.report,
        };
        check.node("", &mut tree, &STACK);
        let name = self.name(folder, &path, &tree)?;
        let mut context = Context {
            root: self.root,
            dir: &dir,
            stack: &name,
            config,
            report: &mut self.report,
            edges: Vec::new(),
        };
        let (stack, published) = lower::stack(&mut context, &path, &tree);
        crate::graph::cycles(&context.edges, context.report);
        ports::in_stack(&published, context.report);
        Some((stack, published, tree))
    }

    /// Whether this hob reads files of this version. Another version's keys
    /// are not looked at: whatever could be told of them would mislead.
    fn version(&mut self, tree: &Node, over: Option<&Node>) -> Option<()> {
        let version = |tree: &Node| tree.fields(&STACK)?.node("version").cloned();
        let found = over.and_then(version).or_else(|| version(tree));
        match found.as_ref().map(|node| (&node.value, node)) {
            None => {
                let empty = matches!(&tree.value, Value::Table(entries) if entries.is_empty());
                let message = if empty {
                    "the file is empty"
                } else {
                    "the file does not say its `version`"
                };
                self.report.push(
                    Diagnostic::error(message, tree.place.clone())
                        .hint(format!("begin with `version = {VERSION}`")),
                );
                (!empty).then_some(())
            }
            Some((Value::Integer(number), node)) if *number != VERSION => {
                let message =
                    format!("a stack file of version {number}; this hob reads version {VERSION}");
                self.report.push(
                    Diagnostic::error(message, node.place.clone())
                        .hint("use the hob that it was written for, or a newer one"),
                );
                None
            }
            Some(_) => Some(()),
        }
    }

    /// The stack's name, if its folder has one that DNS takes.
    fn name(&mut self, folder: &OsStr, path: &Path, tree: &Node) -> Option<StackName> {
        let folder = folder.to_string_lossy();
        let written = tree.fields(&STACK).and_then(|root| root.node("name"));
        if let Some((node, text)) = written.and_then(|node| Some((node, node.text()?))) {
            if text != folder {
                self.report.push(
                    Diagnostic::error(
                        format!("the stack `{text}` lies in a folder called `{folder}`"),
                        node.place.clone(),
                    )
                    .hint(format!(
                        "write `name = \"{folder}\"` or rename the folder to `{text}`"
                    )),
                );
            }
        }
        match folder.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                let hint = as_label(&folder).map(|near| format!("rename the folder to `{near}`"));
                let place = whole(path, shown(self.root, path));
                let message = format!("the folder `{folder}` cannot name a stack: {error}");
                self.report
                    .push(Diagnostic::error(message, place).maybe_hint(hint));
                None
            }
        }
    }
}
