//! `state rebuild`: finds the objects of the configuration in AWS and takes them into the state, when the state is gone.
//!
//! A plan says which instances the state lacks and what is known of each. By that the provider finds those that have a
//! unique name, are a relation of others, or kept their ownership tag. What was found makes more known (the id of a table
//! is part of the keys of its routes), so that the two take turns until nothing more is found. The rest has to be imported
//! by id.

use std::sync::Arc;

use stackctl_core::{Diagnostic, Intent, Known, Mode, Ref, Status};
use stackctl_engine::events::Events;
use stackctl_engine::plan::{Action, Operation, Options, Plan, PlanMode};
use stackctl_engine::refresh::absorb;
use stackctl_state::{Object, Session, State, Target};

use super::load_complete;
use crate::cli::StateRebuild;
use crate::commands::{Context, opened};
use crate::stack::Stack;
use crate::{Exit, Outcome};

/// How often finding and planning take turns at most; a stack is not nested deeper.
const ROUNDS: usize = 20;

/// Rebuilds the state after a question that lists what was found.
pub(super) async fn run(mut cx: Context, args: StateRebuild) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let stack = load_complete(&cx, args.environment.env.as_deref(), &args.variables, args.locking.input).await?;
    cx.show(&stack.warnings, &crate::commands::source);
    let how = opened::Edit { replacing: true, ..opened::dated(&cx, &stack, &args.backup) };
    let session = opened::edit(&stack, "state-rebuild", &args.locking, &how, &cx).await?;
    let search = match search(&cx, &stack, &session).await {
        Ok(s) => s,
        Err(diags) => {
            opened::give_up(session).await;
            return Err(diags);
        }
    };
    report(&cx, &search);
    if search.found.is_empty() || args.dry_run {
        opened::give_up(session).await;
        return Ok(Exit::Done);
    }
    let question = format!("Take these {} objects into {}?", search.found.len(), stack.backend.place(&stack.workspace));
    let asked = (args.auto_approve, args.locking.input);
    let Some(mut session) = opened::approve(&cx, session, asked, &question).await? else {
        return Ok(Exit::Code(1));
    };
    take_in(&mut session, search).await?;
    let state = session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!(
        "\nThe state holds {} objects now (serial {}). stackctl plan shows how they differ from the configuration.",
        state.len(),
        state.serial
    ));
    Ok(Exit::Done)
}

async fn take_in(session: &mut Session, search: Search) -> Result<(), Vec<Diagnostic>> {
    let edit = session.edit(|s| {
        for (at, _) in &search.found {
            if let Some(o) = search.state.object(at) {
                s.put(at, Arc::clone(o));
            }
        }
    });
    edit.await.map_err(|e| vec![e.diagnostic()])
}

/// What a search brought.
struct Search {
    /// The state with everything that was found.
    state: State,
    /// Where, and the ids.
    found: Vec<(Target, String)>,
    /// What was not found, and why.
    missing: Vec<(String, String)>,
}

async fn search(cx: &Context, stack: &Stack, session: &Session) -> Result<Search, Vec<Diagnostic>> {
    let mut out = Search { state: session.state().clone(), found: Vec::new(), missing: Vec::new() };
    for _ in 0..ROUNDS {
        let plan = plan(cx, stack, &out.state).await?;
        // Reading has brought what was found into its final form.
        for (at, _) in &out.found {
            if let Some(o) = plan.prior.object(at) {
                out.state.put(at, Arc::clone(o));
            }
        }
        out.missing.clear();
        let before = out.found.len();
        for op in plan.ops.iter().filter(|o| o.action == Action::Create && o.replacement.is_none()) {
            if op.addr.resource.mode != Mode::Managed {
                continue;
            }
            let prefix = session.owner_prefix(&op.addr);
            match find(stack, &plan, op, &out.state, &prefix).await? {
                Ok((object, id)) => {
                    let at = Target::current((*op.addr).clone());
                    out.state.put(&at, object);
                    out.found.push((at, id));
                }
                Err(why) => out.missing.push((op.addr.to_string(), why)),
            }
        }
        if out.found.len() == before {
            break;
        }
    }
    Ok(out)
}

async fn plan(cx: &Context, stack: &Stack, state: &State) -> Result<Plan, Vec<Diagnostic>> {
    let options = Options {
        mode: PlanMode::Normal,
        targets: Vec::new(),
        replace: Vec::new(),
        refresh: true,
        settings: stack.settings(cx),
    };
    let state = Arc::new(state.clone());
    let (plan, diags) = stackctl_engine::run::plan(options, state, &stack.providers, &Events::none()).await;
    if stackctl_core::diag::has_errors(&diags) {
        return Err(diags);
    }
    Ok(plan)
}

/// The object that an instance of the configuration means, or why it cannot be told.
async fn find(
    stack: &Stack,
    plan: &Plan,
    op: &Operation,
    state: &State,
    prefix: &str,
) -> Result<Result<(Arc<Object>, String), String>, Vec<Diagnostic>> {
    use stackctl_core::schema::Identity;
    let ty = &op.addr.resource.ty;
    let Some(schema) = stack.schema(&op.addr) else { return Ok(Err("its type is not known".to_owned())) };
    let planned = op.planned().unwrap_or_default();
    let needed: Vec<&str> = match &schema.identity {
        _ if schema.local_only => return Ok(Err("it existed in the lost state alone".to_owned())),
        Identity::None => return Ok(Err("nothing tells its objects apart".to_owned())),
        Identity::Token | Identity::Tag => Vec::new(),
        Identity::Name { attr, within, .. } => std::iter::once(*attr).chain(within.iter().copied()).collect(),
        Identity::Key(attrs) => attrs.to_vec(),
    };
    let keys = stackctl_engine::apply::keys(&schema, &planned);
    if let Some(unknown) = needed.iter().find(|n| planned.get(n).to_known().is_err()) {
        return Ok(Err(format!(
            "its {unknown} is not known, because what it refers to was not found or has no fixed name"
        )));
    }
    let used = plan.providers.iter().find(|p| p.addr == op.provider).and_then(|p| p.config.to_known().ok());
    let Some(config) = used else {
        return Ok(Err("the configuration of its provider is not known".to_owned()));
    };
    let failed = |e| vec![Diagnostic::from_provider(format!("Error looking for {}", op.addr), e).of(&op.addr)];
    let provider = stack.providers.configure(&op.provider, config).await.map_err(failed)?;
    // A name or a relation is an answer whatever token the object carries. Where a tag has to be found, the filters of EC2 take
    // the beginning of its value; elsewhere nothing matches.
    let question = Intent { token: format!("{prefix}*"), keys: keys.clone(), since: None };
    let found = provider.instance.find(ty, question).await.map_err(failed)?;
    let free = |id: &str| {
        !state.objects().any(|(at, o)| at.addr.resource.ty == *ty && o.provider == op.provider && o.id() == Some(id))
    };
    let ids: Vec<String> = found.into_iter().map(|f| f.id).filter(|id| free(id)).collect();
    let id = match ids.as_slice() {
        [] if matches!(schema.identity, Identity::Token | Identity::Tag) => {
            let why =
                "its objects have no name of their own, and none carries its tag (ownership_tags = \"keep\" leaves it)";
            return Ok(Err(why.to_owned()));
        }
        [] => return Ok(Err("there is no such object, or it belongs to another address".to_owned())),
        [id] => id.clone(),
        many => return Ok(Err(format!("several objects fit: {}", many.join(", ")))),
    };
    let at = Ref { id: id.clone(), known: keys, wanted: None };
    let live = provider.instance.read(ty, vec![at]).await.map_err(failed)?;
    let Some(live) = live.into_iter().find(|l| l.status != Status::Deleting) else {
        return Ok(Err(format!("{id} was found and is gone")));
    };
    let mut object = Object::new(Arc::clone(&op.provider), absorb(&schema, &Known::Null, live.value));
    object.attributes_mut().set("id", Known::from(live.id.as_str()));
    // What no API returns is as the configuration says.
    let attrs = schema.block.attrs.iter().filter(|(_, a)| a.local && !a.write_only).map(|(n, _)| *n);
    for name in attrs.chain(schema.block.blocks.iter().filter(|(_, b)| b.local).map(|(n, _)| *n)) {
        if let (true, Ok(v)) = (object.attributes.get(name).is_null(), planned.get(name).to_known()) {
            object.attributes_mut().set(name, v);
        }
    }
    object.schema_version = schema.version;
    object.sensitive = op.after_sensitive.iter().cloned().collect();
    object.dependencies = op.dependencies.iter().map(ToString::to_string).collect();
    object.create_before_destroy = op.create_before_destroy;
    Ok(Ok((Arc::new(object), live.id)))
}

fn report(cx: &Context, search: &Search) {
    if search.found.is_empty() {
        cx.term.line("Nothing was found that the state lacks.");
    } else {
        cx.term.line(&format!("Found {} objects:\n", search.found.len()));
        search.found.iter().for_each(|(at, id)| cx.term.line(&format!("  + {at} {id}")));
    }
    if !search.missing.is_empty() {
        cx.term.line(&format!("\n{} could not be found:\n", search.missing.len()));
        search.missing.iter().for_each(|(addr, why)| cx.term.line(&format!("  ? {addr}: {why}")));
        cx.term.line(
            "\nThose that exist can be imported: stackctl import ADDRESS ID. The next apply creates the others, so import \
             first.",
        );
    }
}
