//! What resource code works with: clients, the token of a create, and answers shared between types.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use super::calm::{Call, Traffic};
use super::connect::Connection;
use super::errors::{Error, Result};
use super::gate::{Gated, Limiter, Retries, Trace};
use super::provider_config::TagRules;
use super::value::Tags;

/// How long a question waits for others of its kind, so that one request answers them all.
pub(super) const GATHER: Duration = Duration::from_millis(4);

/// A provider instance, and the call that is being made with it. Cheap to clone.
#[derive(Clone)]
pub struct Cx {
    shared: Arc<Parts>,
    token: Option<Arc<str>>,
}

struct Parts {
    connection: Arc<Connection>,
    rules: TagRules,
    clients: Clients,
    asked: Mutex<HashMap<String, Box<dyn Any + Send>>>,
    traffic: Arc<Traffic>,
}

impl Cx {
    /// A context on a connection.
    pub fn new(connection: Arc<Connection>, rules: TagRules) -> Cx {
        let (clients, asked, traffic) = (Clients::default(), Mutex::default(), Arc::default());
        let parts = Parts { connection, rules, clients, asked, traffic };
        Cx { shared: Arc::new(parts), token: None }
    }
    /// Notes that a call of a type is under way, until the answer is dropped.
    pub(super) fn begin(&self, ty: &str) -> Call {
        self.shared.traffic.begin(ty)
    }
    /// Waits a moment for calls of this type (of any, without one) that are under way.
    pub(super) async fn calm(&self, ty: Option<&str>) {
        self.shared.traffic.calm(ty).await;
    }
    pub(super) fn with_token(&self, token: &str) -> Cx {
        Cx { shared: self.shared.clone(), token: Some(token.into()) }
    }
    /// The connection: account, region, partition.
    pub fn connection(&self) -> &Connection {
        &self.shared.connection
    }
    /// Account id; empty where it is not known.
    pub fn account(&self) -> &str {
        &self.shared.connection.account
    }
    /// Region.
    pub fn region(&self) -> &str {
        &self.shared.connection.region
    }
    /// Partition, `aws`.
    pub fn partition(&self) -> &str {
        self.shared.connection.partition
    }
    /// An ARN in this partition, region and account.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region(), self.account())
    }
    /// The client token of the create that is being made; empty outside of creates.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }
    /// Tag rules of the provider block.
    pub fn tag_rules(&self) -> &TagRules {
        &self.shared.rules
    }
    /// Tags as configuration sees them, for data sources: without AWS's own, ignored ones and ours.
    pub fn visible_tags(&self, tags: &Tags) -> std::collections::BTreeMap<String, String> {
        super::edge::visible(&self.shared.rules, tags.0.clone())
    }

    /// One request for a question that several types ask in the same moment. `key` names the question with its arguments.
    ///
    /// # Errors
    /// What `ask` reports, to everyone who asked.
    pub async fn shared<T, F, Fut>(&self, key: String, ask: F) -> Result<Arc<T>>
    where
        T: Send + Sync + 'static,
        F: FnOnce(Cx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        type Answer<T> = Shared<BoxFuture<'static, Result<Arc<T>>>>;
        let answer = {
            let mut asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
            match asked.get(&key).and_then(|a| a.downcast_ref::<Answer<T>>()) {
                Some(a) => a.clone(),
                None => {
                    let (cx, k) = (self.clone(), key.clone());
                    let a: Answer<T> = async move {
                        tokio::time::sleep(GATHER).await;
                        // From here on a question is a new one: an answer must not be older than its question.
                        cx.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&k);
                        ask(cx).await.map(Arc::new)
                    }
                    .boxed()
                    .shared();
                    asked.insert(key, Box::new(a.clone()));
                    a
                }
            }
        };
        answer.await
    }

    /// Answers for ids, gathered over types that ask `L` in the same moment, in requests of `L::BATCH` ids.
    /// Ids without an answer are missing from the result.
    ///
    /// # Errors
    /// What the loader reports, to everyone who asked in that moment.
    pub async fn load<L: Loader>(&self, ids: impl IntoIterator<Item = String>) -> Result<HashMap<String, Arc<L::Out>>> {
        type Answers<O> = HashMap<String, Arc<O>>;
        type Pending<O> = (Arc<Mutex<BTreeSet<String>>>, Shared<BoxFuture<'static, Result<Arc<Answers<O>>>>>);
        let ids: BTreeSet<String> = ids.into_iter().collect();
        let key = format!("load {}", std::any::type_name::<L>());
        let answers = {
            let mut asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let (wanted, answer) = match asked.get(&key).and_then(|a| a.downcast_ref::<Pending<L::Out>>()) {
                Some(p) => p.clone(),
                None => {
                    let wanted = Arc::new(Mutex::new(BTreeSet::new()));
                    let (cx, k, w) = (self.clone(), key.clone(), wanted.clone());
                    let answer = async move {
                        tokio::time::sleep(GATHER).await;
                        if L::PATIENT {
                            cx.calm(None).await;
                        }
                        cx.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&k);
                        let all: Vec<String> = std::mem::take(&mut *w.lock().unwrap_or_else(PoisonError::into_inner))
                            .into_iter()
                            .collect();
                        let chunks = all.chunks(L::BATCH.max(1)).map(|c| L::load(&cx, c.to_vec()));
                        let mut out = HashMap::new();
                        for chunk in futures::future::try_join_all(chunks).await? {
                            out.extend(chunk.into_iter().map(|(k, v)| (k, Arc::new(v))));
                        }
                        Ok(Arc::new(out))
                    };
                    let pending: Pending<L::Out> = (wanted, answer.boxed().shared());
                    asked.insert(key, Box::new(pending.clone()));
                    pending
                }
            };
            // Under the same lock as the look-up: whoever joins is in the set before the request takes it.
            wanted.lock().unwrap_or_else(PoisonError::into_inner).extend(ids.iter().cloned());
            answer
        }
        .await?;
        Ok(ids.into_iter().filter_map(|id| Some((id.clone(), answers.get(&id)?.clone()))).collect())
    }
}

/// A request for many ids that several types ask.
pub trait Loader: 'static {
    /// What is known about one id.
    type Out: Send + Sync + 'static;
    /// Most ids in one request.
    const BATCH: usize;
    /// Waits a tenth of a second for whatever else is under way, which may end with the same request.
    const PATIENT: bool = false;
    /// Asks.
    fn load(cx: &Cx, ids: Vec<String>) -> impl Future<Output = Result<HashMap<String, Self::Out>>> + Send;
}

macro_rules! clients {
    ($($(#[$attr:meta])* $feature:literal $name:ident: $sdk:ident, $endpoint:literal $(, |$b:ident, $c:ident| $more:expr)?;)*) => {
        #[derive(Default)]
        struct Clients {
            $(#[cfg(feature = $feature)] $name: OnceLock<$sdk::Client>,)*
        }
        impl Cx {
            $(
                $(#[$attr])*
                #[cfg(feature = $feature)]
                pub fn $name(&self) -> &$sdk::Client {
                    self.shared.clients.$name.get_or_init(|| {
                        let connection = self.connection();
                        let sdk = connection.sdk_for($endpoint);
                        let limiter = Limiter::of(&connection.account, &connection.region, $endpoint);
                        let mut builder = $sdk::config::Builder::from(&sdk)
                            .retry_classifier(Retries(limiter.clone()))
                            .interceptor(Trace(limiter.clone()));
                        if let Some(http) = sdk.http_client() {
                            builder = builder.http_client(Gated::new(http, limiter));
                        }
                        $(let ($b, $c) = (builder, connection); let builder = $more;)?
                        $sdk::Client::from_conf(builder.build())
                    })
                }
            )*
        }
    };
}
clients! {
    /// CloudWatch.
    "cloudwatch" cloudwatch: aws_sdk_cloudwatch, "cloudwatch";
    /// CloudWatch Logs.
    "cloudwatchlogs" logs: aws_sdk_cloudwatchlogs, "logs";
    /// DynamoDB.
    "dynamodb" dynamodb: aws_sdk_dynamodb, "dynamodb";
    /// EC2.
    "ec2" ec2: aws_sdk_ec2, "ec2";
    /// IAM.
    "iam" iam: aws_sdk_iam, "iam";
    /// KMS.
    "kms" kms: aws_sdk_kms, "kms";
    /// RDS.
    "rds" rds: aws_sdk_rds, "rds";
    /// S3.
    "s3" s3: aws_sdk_s3, "s3", |b, c| b.force_path_style(c.s3_use_path_style);
    /// SNS.
    "sns" sns: aws_sdk_sns, "sns";
    /// SQS.
    "sqs" sqs: aws_sdk_sqs, "sqs";
    /// Systems Manager.
    "ssm" ssm: aws_sdk_ssm, "ssm";
}

/// Collects the pages of a paginator's `items()`.
///
/// # Errors
/// The first page that fails.
pub async fn all<T, E: Into<Error>>(
    mut pages: aws_smithy_async::future::pagination_stream::PaginationStream<std::result::Result<T, E>>,
) -> Result<Vec<T>> {
    let mut out = Vec::new();
    while let Some(item) = pages.next().await {
        out.push(item.map_err(Into::into)?);
    }
    Ok(out)
}
