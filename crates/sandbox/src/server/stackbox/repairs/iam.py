"""Repairs of IAM."""
import json

from stackbox.repairs import AwsError, repair, replace


def malformed(why):
    return AwsError("MalformedPolicyDocument", why)


def check_document(text, trust):
    """Refuses what IAM's grammar of the policy language refuses, as far as a mistake in a stack would show it."""
    try:
        document = json.loads(text)
    except ValueError:
        raise malformed("This policy contains invalid Json") from None
    if not isinstance(document, dict):
        raise malformed("Syntax errors in policy.")
    if document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise malformed("The policy must contain a valid version string")
    statements = document.get("Statement")
    statements = statements if isinstance(statements, list) else [statements]
    if not statements or not all(isinstance(s, dict) for s in statements):
        raise malformed("Syntax errors in policy.")
    for statement in statements:
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise malformed("Syntax errors in policy.")
        if not ("Action" in statement or "NotAction" in statement):
            raise malformed("Policy statement must contain actions.")
        if trust and not ("Principal" in statement or "NotPrincipal" in statement):
            raise malformed("Trust Policy statement must contain a principal.")
        if trust and ("Resource" in statement or "NotResource" in statement):
            raise malformed("Has prohibited field Resource")
        if not trust and ("Principal" in statement or "NotPrincipal" in statement):
            raise malformed("Policy document should not specify a principal.")


@repair("iam")
def trust_policies():
    """IAM API reference, CreateRole and UpdateAssumeRolePolicy: MalformedPolicyDocument."""
    from moto.iam.models import IAMBackend

    @replace(IAMBackend, "create_role")
    def create_role(old, self, role_name, assume_role_policy_document, *args, **kwargs):
        if not kwargs.get("linked_service"):
            check_document(assume_role_policy_document, trust=True)
        return old(self, role_name, assume_role_policy_document, *args, **kwargs)

    @replace(IAMBackend, "update_assume_role_policy")
    def update_assume_role_policy(old, self, role_name, policy_document):
        check_document(policy_document, trust=True)
        self.get_role(role_name).assume_role_policy_document = policy_document


@repair("iam")
def delete_policy():
    """IAM API reference, DeletePolicy: DeleteConflict while the policy is attached or has other versions than the
    default one; NoSuchEntity where there is none."""
    from moto.iam.models import IAMBackend

    @replace(IAMBackend, "delete_policy")
    def delete(old, self, policy_arn):
        policy = self.get_policy(policy_arn)
        if policy.attachment_count > 0:
            raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
        if len(policy.versions) > 1:
            raise AwsError("DeleteConflict", "This policy has more than one version. Before you delete a policy, you must "
                           "delete the policy's versions. The default version is deleted with the policy.", 409)
        return old(self, policy_arn)


@repair("iam")
def update_role():
    """IAM API reference, UpdateRole: Description and MaxSessionDuration are optional; what is absent stays."""
    from moto.iam.responses import IamResponse

    @replace(IamResponse, "update_role")
    def update(old, self):
        role = self.backend.get_role(self._get_param("RoleName"))
        kept = role.description, role.max_session_duration
        answer = old(self)
        if self._get_param("Description") is None:
            role.description = kept[0]
        if self._get_param("MaxSessionDuration") is None:
            role.max_session_duration = kept[1]
        return answer


@repair("iam")
def client_ids_of_identity_providers():
    """IAM API reference, AddClientIDToOpenIDConnectProvider and RemoveClientIDFromOpenIDConnectProvider: both succeed
    where there is nothing to do."""
    from moto.core.responses import EmptyResult
    from moto.iam.responses import IamResponse

    def provider(self):
        return self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))

    def add_client_id_to_open_id_connect_provider(self):
        ids = provider(self).client_id_list
        if self._get_param("ClientID") not in ids:
            ids.append(self._get_param("ClientID"))
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self):
        ids = provider(self).client_id_list
        if self._get_param("ClientID") in ids:
            ids.remove(self._get_param("ClientID"))
        return EmptyResult()

    for method in (add_client_id_to_open_id_connect_provider, remove_client_id_from_open_id_connect_provider):
        setattr(IamResponse, method.__name__, method)
